package io.lanewise.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** A UTF-8 text, memory-mapped, read in chunks that end where a word of every byte-level vocabulary of ours ends. */
final class TextFile implements AutoCloseable {
    private static final int CHUNK_BYTES = 1 << 20;
    private static final int HASH_BYTES = 1 << 16;

    private final Path path;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes;

    private TextFile(Path path) throws IOException {
        this.path = path;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException | RuntimeException failed) {
            arena.close();
            throw failed;
        }
    }

    /** @throws IllegalArgumentException if there is no such file or it is a folder or empty */
    static TextFile open(Path path) {
        try {
            if (Files.isDirectory(path)) {
                throw new IllegalArgumentException(path + ": is a folder; expected a text file");
            }
            if (Files.size(path) == 0) {
                throw new IllegalArgumentException(path + ": is empty; expected a text to train on");
            }
            return new TextFile(path);
        } catch (NoSuchFileException missing) {
            throw new IllegalArgumentException(path + ": no such file; expected a text to train on", missing);
        } catch (IOException failed) {
            throw new UncheckedIOException(path + ": cannot be read: " + failed.getMessage(), failed);
        }
    }

    Path path() {
        return path;
    }

    long size() {
        return bytes.byteSize();
    }

    /** The byte at {@code fraction} of the text, moved on to the start of a character. */
    long splitAt(double fraction) {
        long at = (long) (size() * fraction);
        while (at < size() && (byteAt(at) & 0xC0) == 0x80) {
            at++;
        }
        return at;
    }

    /** The start of the first line that begins at or behind {@code at}. */
    long lineAt(long at) {
        long line = at;
        while (line > 0 && line < size() && byteAt(line - 1) != '\n') {
            line++;
        }
        return line;
    }

    /** The text of bytes [from, to). */
    String text(long from, long to) {
        return new String(bytes.asSlice(from, to - from).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /**
     * Bytes [from, to) in chunks of about a megabyte. A chunk ends before a line feed with a printing ASCII character
     * behind it: GPT-2's rule gives the same words on both sides of such a cut as without it.
     */
    Iterable<String> chunks(long from, long to) {
        return () -> new Chunks(from, to);
    }

    private final class Chunks implements Iterator<String> {
        private long at;
        private final long to;

        Chunks(long from, long to) {
            this.at = from;
            this.to = to;
        }

        @Override
        public boolean hasNext() {
            return at < to;
        }

        @Override
        public String next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            long end = Math.min(to, at + CHUNK_BYTES);
            while (end < to && !isCut(end)) {
                end++;
            }
            String chunk = text(at, end);
            at = end;
            return chunk;
        }

        private boolean isCut(long end) {
            return byteAt(end) == '\n' && end + 1 < to && byteAt(end + 1) > ' ' && byteAt(end + 1) <= '~';
        }
    }

    /** Adds the whole content to a digest. */
    void digest(MessageDigest digest, long from, long to) {
        byte[] block = new byte[HASH_BYTES];
        for (long at = from; at < to; at += HASH_BYTES) {
            int length = (int) Math.min(HASH_BYTES, to - at);
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, block, 0, length);
            digest.update(block, 0, length);
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private byte byteAt(long at) {
        return bytes.get(ValueLayout.JAVA_BYTE, at);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
