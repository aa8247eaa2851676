"""The pages of docs/, run from the pages themselves."""
