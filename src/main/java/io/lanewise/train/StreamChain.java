package io.lanewise.train;

import java.util.List;

/** One stream behind the other; few of them, so that a search from the front is quick. */
final class StreamChain implements TokenStream {
    private final TokenStream[] parts;
    private final long[] ends;
    private final long textBytes;

    StreamChain(List<? extends TokenStream> parts) {
        this.parts = parts.toArray(TokenStream[]::new);
        this.ends = new long[parts.size()];
        long end = 0;
        long bytes = 0;
        for (int i = 0; i < ends.length; i++) {
            end += this.parts[i].size();
            bytes += this.parts[i].textBytes();
            ends[i] = end;
        }
        this.textBytes = bytes;
    }

    @Override
    public long size() {
        return ends.length == 0 ? 0 : ends[ends.length - 1];
    }

    @Override
    public int at(long index) {
        int part = 0;
        while (index >= ends[part]) {
            part++;
        }
        return parts[part].at(part == 0 ? index : index - ends[part - 1]);
    }

    @Override
    public long textBytes() {
        return textBytes;
    }
}
