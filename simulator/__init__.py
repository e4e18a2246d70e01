"""A local Azure over HTTPS, for the demo, the tests and rehearsals; never deployed.

It shares no code with the product, so that both cannot share a mistake. `python -m simulator` runs it,
`simulator.control.Control` changes its world and reads what happened there, `simulator.server.running`
runs it inside a test. Texts and shapes carry their source where they stand.
"""
