package io.lanewise.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file being written under a temporary name beside its place, where {@link #commit} moves it when all is on the disk.
 * So the place holds the old file or the whole new one, never a part. Closed without commit it leaves nothing.
 */
final class NewFile implements AutoCloseable {
    private static final int BUFFER_BYTES = 1 << 16;

    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long written;
    private boolean committed;

    private NewFile(Path target, Path temporary, FileChannel channel) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
    }

    /** @throws FormatException if nothing can be written there */
    static NewFile at(Path target) {
        if (Files.isDirectory(target)) {
            throw new FormatException(target, "is a folder; name a file to write");
        }
        Path temporary = target.resolveSibling(String.format(Locale.ROOT, ".%s.%016x.part", target.getFileName(),
                ThreadLocalRandom.current().nextLong()));
        try {
            FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            // For the user who presses Ctrl-C: no finally clause runs then.
            temporary.toFile().deleteOnExit();
            return new NewFile(target, temporary, channel);
        } catch (NoSuchFileException missing) {
            throw new FormatException(target, "its folder does not exist; create it first", missing);
        } catch (AccessDeniedException denied) {
            throw new FormatException(target, "permission denied; choose a folder that is writable", denied);
        } catch (IOException failed) {
            throw new UncheckedIOException(target + ": cannot be written: " + failed.getMessage(), failed);
        }
    }

    /** Bytes written so far. */
    long position() {
        return written + buffer.position();
    }

    void u8(int value) {
        room(1).put((byte) value);
    }

    void u16(int value) {
        room(2).putShort((short) value);
    }

    void i32(int value) {
        room(4).putInt(value);
    }

    void i64(long value) {
        room(8).putLong(value);
    }

    void bytes(byte[] bytes) {
        for (int done = 0; done < bytes.length; ) {
            int length = Math.min(bytes.length - done, room(1).remaining());
            buffer.put(bytes, done, length);
            done += length;
        }
    }

    /** A native segment of at most 2 GB, past the buffer. */
    void segment(MemorySegment segment) {
        flush();
        write(segment.asByteBuffer());
    }

    /** Writes {@code fill} bytes up to a multiple of {@code alignment}. */
    void align(long alignment, byte fill) {
        while (position() % alignment != 0) {
            u8(fill);
        }
    }

    private ByteBuffer room(int bytes) {
        if (buffer.remaining() < bytes) {
            flush();
        }
        return buffer;
    }

    private void flush() {
        buffer.flip();
        write(buffer);
        buffer.clear();
    }

    private void write(ByteBuffer bytes) {
        written += bytes.remaining();
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException failed) {
            throw failed(failed);
        }
    }

    /** Puts the file on the disk and then in its place. */
    void commit() {
        flush();
        try {
            channel.force(true);
            channel.close();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            committed = true;
        } catch (IOException failed) {
            throw failed(failed);
        }
        forceFolder();
    }

    /** Makes the new name outlive a power failure, where a folder can be opened; the file is whole anyway. */
    private void forceFolder() {
        Path folder = target.toAbsolutePath().getParent();
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        } catch (IOException unsupported) {
            return;
        }
    }

    private UncheckedIOException failed(IOException cause) {
        return new UncheckedIOException(target + ": cannot be written: " + cause.getMessage(), cause);
    }

    @Override
    public void close() {
        if (committed) {
            return;
        }
        try (channel) {
            Files.deleteIfExists(temporary);
        } catch (IOException failed) {
            throw failed(failed);
        }
    }
}
