package io.lanewise.train;

import java.util.List;

/** A long run of token ids, in memory or mapped from a file. */
public interface TokenStream {
    /** The number of ids. */
    long size();

    /** The id at {@code index}. */
    int at(long index);

    /** Bytes of the text that the ids stand for. */
    long textBytes();

    /** The stream of an array, which is not copied. */
    static TokenStream of(int[] ids, long textBytes) {
        return new TokenStream() {
            @Override
            public long size() {
                return ids.length;
            }

            @Override
            public int at(long index) {
                return ids[Math.toIntExact(index)];
            }

            @Override
            public long textBytes() {
                return textBytes;
            }
        };
    }

    /** One stream behind the other. */
    static TokenStream concatenation(List<? extends TokenStream> parts) {
        return parts.size() == 1 ? parts.getFirst() : new StreamChain(parts);
    }
}
