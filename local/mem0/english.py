"""Word lists: what a search leaves out, and what makes a sentence no statement."""

STOP_WORDS = frozenset(
    """
    a about all also am an and any are aren as at be been being but by caller can cannot could couldn d
    did didn do does doesn doing don for from had hadn has hasn have haven having he her hers him his
    how i if in into is isn it its just ll m me might mine more most must my myself no nor not of on or
    our ours out re s said say she should so some such t tell than that the their them then there these
    they this those to too up us user ve very was wasn we were weren what when where which who whom
    whose why will with won would wouldn you your yours
    """.split()
)
# A sentence of these alone states nothing.
PLEASANTRIES = frozenset(
    """
    a again ah all alright and appreciate are be bye day do evening everything fine for good goodbye got
    great have hello help helping hey hi how i i'd i'll i'm im is it it's its just know later let like
    lovely me mean moment morning much nice no nope not of oh ok okay one perfect please right see so
    soon sounds speak sure talk thank thanks that that'd that's thats the then there this time to today
    too uh um understand very wait we'll welcome well will wonderful would yeah yep yes you you're your
    yup
    """.split()
)
FILLERS = (
    r"(?:um+|uh+|uhm+|erm?|hm+)\b[\s,.…]*"
    r"|(?:yes|yeah|yep|yup|no|nope|ok|okay|so|well|oh|ah|hi|hello|hey|sure|right|alright|actually|please|thanks"
    r"|thank you|good (?:morning|afternoon|evening)|i mean|you know|let me see|let me think)\s*[,!…]+\s*"
)
"""A regular expression of what a sentence may begin with and go without."""
ABBREVIATIONS = frozenset(
    """
    approx apt ave blvd bzw ca co dept dr e.g i.e inc jr ltd mr mrs ms no nr prof rd sr st vs z.b
    """.split()
)
