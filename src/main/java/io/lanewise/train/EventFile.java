package io.lanewise.train;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * Writes numbers by step as a file that TensorBoard shows. The file is a sequence of TFRecords (length as u64, masked
 * CRC-32C of the length, data, masked CRC-32C of the data, all little-endian), and each record's data an {@code Event} in
 * protobuf's wire format: wall_time = 1 (double), step = 2 (int64), file_version = 3 (string), summary = 5 with
 * value = 1 {tag = 1 (string), simple_value = 2 (float)}. Every event is written at once, so that a kill loses none.
 */
public final class EventFile implements AutoCloseable {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private final FileChannel channel;
    private final CRC32C crc = new CRC32C();

    private EventFile(FileChannel channel) {
        this.channel = channel;
    }

    /** Begins a file in {@code folder}, named as TensorBoard expects; a resumed run begins a further one. */
    public static EventFile create(Path folder) {
        long millis = System.currentTimeMillis();
        try {
            Files.createDirectories(folder);
            Path path = folder.resolve(String.format(Locale.ROOT, "events.out.tfevents.%d.lanewise.%d", millis / 1000,
                    ProcessHandle.current().pid()));
            for (int again = 1; Files.exists(path); again++) {
                path = path.resolveSibling(path.getFileName().toString().replaceFirst("(\\.v\\d+)?$", ".v" + again));
            }
            EventFile file = new EventFile(FileChannel.open(path, StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE));
            Message event = new Message().number(1, millis / 1000.0).text(3, "brain.Event:2");
            file.append(event.bytes());
            return file;
        } catch (IOException failed) {
            throw new UncheckedIOException(folder + ": cannot write events: " + failed.getMessage(), failed);
        }
    }

    /** Adds one number under a tag as {@code loss/train}. */
    public void scalar(String tag, long step, double value) {
        Message entry = new Message().text(1, tag).single(2, (float) value);
        Message summary = new Message().message(1, entry);
        Message event = new Message().number(1, System.currentTimeMillis() / 1000.0).integer(2, step)
                .message(5, summary);
        try {
            append(event.bytes());
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot write events: " + failed.getMessage(), failed);
        }
    }

    private void append(byte[] data) throws IOException {
        ByteBuffer record = ByteBuffer.allocate(data.length + 16).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length);
        record.putInt(maskedCrc(record.array(), 0, 8));
        record.put(data);
        record.putInt(maskedCrc(data, 0, data.length));
        record.flip();
        while (record.hasRemaining()) {
            channel.write(record);
        }
    }

    /** TFRecord rotates and shifts checksums, since data may itself hold checksums. */
    private int maskedCrc(byte[] bytes, int from, int length) {
        crc.reset();
        crc.update(bytes, from, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xA282EAD8;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot write events: " + failed.getMessage(), failed);
        }
    }

    /** A protobuf message being written. */
    private static final class Message {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream(64);

        Message integer(int field, long value) {
            key(field, VARINT);
            varint(value);
            return this;
        }

        Message number(int field, double value) {
            key(field, FIXED64);
            littleEndian(Double.doubleToRawLongBits(value), 8);
            return this;
        }

        Message single(int field, float value) {
            key(field, FIXED32);
            littleEndian(Float.floatToRawIntBits(value), 4);
            return this;
        }

        Message text(int field, String value) {
            return data(field, value.getBytes(StandardCharsets.UTF_8));
        }

        Message message(int field, Message value) {
            return data(field, value.bytes());
        }

        private Message data(int field, byte[] value) {
            key(field, BYTES);
            varint(value.length);
            out.writeBytes(value);
            return this;
        }

        private void key(int field, int wireType) {
            varint(field << 3 | wireType);
        }

        private void varint(long value) {
            long rest = value;
            while ((rest & ~0x7FL) != 0) {
                out.write((int) (rest & 0x7F | 0x80));
                rest >>>= 7;
            }
            out.write((int) rest);
        }

        private void littleEndian(long value, int bytes) {
            for (int i = 0; i < bytes; i++) {
                out.write((int) (value >>> 8 * i));
            }
        }

        byte[] bytes() {
            return out.toByteArray();
        }
    }
}
