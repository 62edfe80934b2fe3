"""The page in the browser: the live picture, its keypoints and the controls.

`realtime.browser.message` has what the server sends, `realtime.browser.request` what the page asks,
`realtime.browser.door` who is let in.
"""

LOCAL = "127.0.0.1"
USUAL_PORT = 8421
