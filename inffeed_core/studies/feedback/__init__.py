"""Does feedback on training labels help?"""
