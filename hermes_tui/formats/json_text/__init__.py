"""JSON as files hold it: big, nested deeply, torn, or several values on a line."""
