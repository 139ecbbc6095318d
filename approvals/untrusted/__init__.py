"""Text from outside: read strictly, streamed in bounded pieces, shown safely. Knows no Django and no row."""
