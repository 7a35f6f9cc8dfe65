package io.lanewise.format;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * Reads a mapped file from front to back, little-endian, and looks at what is left before every step.
 *
 * <p>It goes through a {@link ByteBuffer} window rather than the segment's own accessors: those are var handles, whose
 * first use costs a cold JVM some 15 ms more over a vocabulary of 100,000 strings.
 */
final class Cursor {
    /**
     * Bytes of a header that may come to the heap, all together; the vocabulary of the largest models has some 20 MB. A
     * sparse file costs nobody anything, so its size alone must not decide.
     */
    static final long MAX_COPIED_BYTES = 256L << 20;
    private static final long WINDOW = 1 << 30;

    private final MappedFile file;
    private final MemorySegment memory;
    private final long limit;
    private ByteBuffer window;
    private long windowStart;
    private long position;
    private long copied;

    Cursor(MappedFile file) {
        this.file = file;
        this.memory = file.memory();
        this.limit = memory.byteSize();
        moveWindow(0);
    }

    Path path() {
        return file.path();
    }

    long position() {
        return position;
    }

    long remaining() {
        return limit - position;
    }

    int u8(String what) {
        int index = take(1, what);
        return window.get(index) & 0xff;
    }

    int u16(String what) {
        int index = take(2, what);
        return window.getShort(index) & 0xffff;
    }

    int i32(String what) {
        int index = take(4, what);
        return window.getInt(index);
    }

    long u32(String what) {
        return i32(what) & 0xffffffffL;
    }

    long i64(String what) {
        int index = take(8, what);
        return window.getLong(index);
    }

    /**
     * An unsigned 64-bit count of things that take at least {@code bytesEach} each: refused where the rest of the file
     * cannot hold as many.
     */
    long count(long bytesEach, String what) {
        long at = position;
        long count = i64(what);
        if (count < 0 || count > remaining() / bytesEach) {
            throw new FormatException(path(), at, what + " " + Long.toUnsignedString(count) + " does not fit in the "
                    + remaining() + " bytes that follow; the file is damaged or cut short: download or convert it "
                    + "again");
        }
        return count;
    }

    /** The next {@code length} bytes. */
    byte[] bytes(long length, String what) {
        require(length, what);
        copied += length;
        if (copied > MAX_COPIED_BYTES) {
            throw new FormatException(path(), position, what + " of " + length + " bytes makes the header larger than "
                    + MAX_COPIED_BYTES + " bytes; expected less: the file is damaged: download or convert it again");
        }
        byte[] bytes = file.bytes(position, (int) length);
        position += length;
        return bytes;
    }

    /** Moves past {@code length} bytes. */
    void skip(long length, String what) {
        require(length, what);
        position += length;
    }

    /** Moves to an earlier place. */
    void rewind(long to) {
        position = to;
    }

    private void require(long length, String what) {
        if (length < 0 || length > limit - position) {
            throw new FormatException(path(), position, "the file ends inside " + what + " (" + length
                    + " bytes needed, " + remaining() + " left); it is damaged or cut short: download or "
                    + "convert it again");
        }
    }

    /** Steps over {@code length} bytes; the window's index of the first. */
    private int take(int length, String what) {
        require(length, what);
        long index = position - windowStart;
        if (index < 0 || index + length > window.limit()) {
            moveWindow(position);
            index = 0;
        }
        position += length;
        return (int) index;
    }

    private void moveWindow(long start) {
        windowStart = start;
        window = memory.asSlice(start, Math.min(WINDOW, limit - start)).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
}
