"""The review room without its page: handing out flags, deciding, discussing, audit."""
