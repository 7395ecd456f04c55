"""Whether a change may go ahead: two runs judged, with an answer that a CI can act on."""
