"""Every page of the app in its main states, on a site that looks lived in.

`pages.PAGES` is the list. `walk.walk` leads through it; the tests of every page, `make gallery` and
`make screenshots` all go that way, so that a page that is missing from the list is missing from none of them.
"""
