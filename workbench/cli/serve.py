"""The script that Streamlit runs. It is not app.py, because Streamlit takes a folder `pages/` beside its script
for pages of its own making and shows those to whoever comes first by a link.
"""

from workbench.app import main

main()
