package io.lanewise.tokenizer;

import java.util.Arrays;

/** See {@link TokenDecoder}. Holds at most three bytes between calls. */
final class StreamDecoder implements TokenDecoder {
    private final VocabularyTokenizer tokenizer;
    private final boolean dropFirstSpace;
    private final boolean showControl;
    private boolean atStart;
    private byte[] held = new byte[64];
    private int count;

    StreamDecoder(VocabularyTokenizer tokenizer, boolean dropFirstSpace, boolean showControl) {
        this.tokenizer = tokenizer;
        this.dropFirstSpace = dropFirstSpace;
        this.showControl = showControl;
        atStart = dropFirstSpace;
    }

    @Override
    public String accept(int id) {
        boolean hidden = tokenizer.hidden(id);
        if (hidden && !showControl) {
            return "";
        }
        if (count == 0 && !atStart && !hidden) {
            String piece = tokenizer.wholePiece(id);
            if (piece != null) {
                return piece;
            }
        }
        int room = count + tokenizer.lengthOf(id, showControl);
        if (room > held.length) {
            held = Arrays.copyOf(held, room);
        }
        int end = tokenizer.bytesOf(id, showControl, held, count);
        int begin = 0;
        if (atStart && end > 0) {
            atStart = false;
            begin = !hidden && held[0] == ' ' ? 1 : 0;
        }
        return release(begin, end);
    }

    private String release(int begin, int end) {
        int tail = Utf8.incompleteTail(held, end);
        String text = Utf8.decode(held, begin, Math.max(begin, end - tail));
        System.arraycopy(held, end - tail, held, 0, tail);
        count = tail;
        return text;
    }

    @Override
    public String flush() {
        String text = Utf8.decode(held, 0, count);
        count = 0;
        atStart = dropFirstSpace;
        return text;
    }
}
