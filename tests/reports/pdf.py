"""What a PDF says."""

import pypdfium2


def text_of(content: bytes) -> str:
    """All pages in one line, thin spaces as plain ones."""
    with pypdfium2.PdfDocument(content) as pdf:
        texts = []
        for page in pdf:
            part = page.get_textpage()
            texts.append(part.get_text_bounded())
            part.close()
            page.close()
    return " ".join(" ".join(texts).replace("\u202f", " ").split())
