"""Pictures: plain arrays and names in, matplotlib figures out; one style, readable in black and white.

Every function returns a figure, and saves it if there is a `path`: png, svg or pdf by its ending.
"""

from .chains import autocorrelation as autocorrelation
from .chains import energies as energies
from .chains import traces as traces
from .films import film as film
from .graphs import network as network
from .history import curves as curves
from .interactions import interactions as interactions
from .landscape import contours as contours
from .races import race as race
from .tiles import filters as filters
from .tiles import images as images
