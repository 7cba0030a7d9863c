from .alignment import aligned_embeddings as aligned_embeddings
from .tokenizer_training import train_tokenizer as train_tokenizer
