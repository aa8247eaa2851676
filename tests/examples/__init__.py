"""The gallery: scripts run on small sizes, and the page that shows them."""
