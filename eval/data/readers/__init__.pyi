from .base import bitext as bitext, tagged as tagged
from .bucc import corpus as corpus, limited as limited
from .ccg import supertagged as supertagged
from .multiple_choice import choice_of_row as choice_of_row, choices as choices
from .sentence_pairs import pairs as pairs
from .squad import question_of_row as question_of_row, questions as questions, settle_empty as settle_empty
from .tables import labelled_texts as labelled_texts
