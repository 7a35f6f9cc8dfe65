package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.format.Metadata;
import io.lanewise.generate.ChatMessage.Role;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.KvPositions;
import io.lanewise.nn.KvCache;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * A session in a file: its tokens, what the model remembers of them, and the messages of a conversation, so that a long
 * text need not be read again. The file is a GGUF file of architecture {@code lanewise-session}: a tensor {@code
 * blk.N.cache} a layer, I8 [positions, bytes of one], as {@link KvPositions} writes them, a checksum over these, and which
 * model it belongs to. Opening it checks all but what only a model can tell; {@link Session#restore} does the rest.
 */
public final class SavedSession implements AutoCloseable {
    private static final String ARCHITECTURE = "lanewise-session";
    private static final String PREFIX = ARCHITECTURE + ".";
    private static final int VERSION = 1;
    private static final List<DType> CACHE_TYPES = List.of(DType.F32, DType.F16, DType.Q8_0);

    private final Checkpoint file;
    private final DType kvType;
    private final int[] tokens;
    private final int[] unread;
    private final List<ChatMessage> messages;

    private SavedSession(Checkpoint file) {
        this.file = file;
        Metadata metadata = file.metadata();
        if (!metadata.string("general.architecture", "").equals(ARCHITECTURE)) {
            throw problem("is no saved session; expected a file that --save-session has written");
        }
        long version = metadata.integer(PREFIX + "version");
        if (version != VERSION) {
            throw problem("is a session of version " + version + ", and this engine reads version " + VERSION
                    + "; save it again with this engine");
        }
        String type = metadata.string(PREFIX + "kv_type");
        this.kvType = CACHE_TYPES.stream().filter(known -> known.name().equals(type)).findFirst().orElseThrow(
                () -> problem(PREFIX + "kv_type: expected one of " + CACHE_TYPES + ", found '" + type + "'"));
        this.tokens = metadata.ints(PREFIX + "tokens");
        this.unread = metadata.ints(PREFIX + "unread");
        if (tokens.length == 0) {
            throw problem(PREFIX + "tokens: expected at least one");
        }
        this.messages = messages(metadata.strings(PREFIX + "roles"), metadata.strings(PREFIX + "contents"));
    }

    private List<ChatMessage> messages(List<String> roles, List<String> contents) {
        if (roles.size() != contents.size()) {
            throw problem(PREFIX + "contents: expected one for each of " + roles.size() + " roles, found "
                    + contents.size());
        }
        List<ChatMessage> all = new ArrayList<>();
        for (int i = 0; i < roles.size(); i++) {
            String name = roles.get(i);
            Role role = Arrays.stream(Role.values()).filter(each -> each.spelling().equals(name)).findFirst()
                    .orElseThrow(() -> problem(PREFIX + "roles: expected system, user or assistant, found '" + name + "'"));
            all.add(new ChatMessage(role, contents.get(i)));
        }
        return List.copyOf(all);
    }

    /**
     * Opens a saved session.
     *
     * @throws FormatException if the file is not one, or is damaged or of another version
     */
    public static SavedSession open(Path path) {
        Checkpoint file = Checkpoint.open(path);
        try {
            return new SavedSession(file);
        } catch (RuntimeException | Error failed) {
            file.close();
            throw failed;
        }
    }

    /** Tokens of the text: those that the cache holds, then those that a generation had written and not yet read. */
    public int[] text() {
        int[] all = Arrays.copyOf(tokens, tokens.length + unread.length);
        System.arraycopy(unread, 0, all, tokens.length, unread.length);
        return all;
    }

    /** How the cache stores numbers; a session must store them likewise to take it over. */
    public DType kvType() {
        return kvType;
    }

    /** The messages of the conversation; empty where it was none. */
    public List<ChatMessage> messages() {
        return messages;
    }

    /** Writes a session; the file appears when it is whole. */
    static void write(Path path, Session session, int[] unread, List<ChatMessage> messages) {
        KvCache cache = session.cache();
        int[] tokens = session.tokens();
        if (tokens.length == 0) {
            throw new IllegalArgumentException("the session is empty: there is nothing to save");
        }
        long bytes = KvPositions.bytes(cache.layer(0));
        GgufWriter writer = new GgufWriter().string("general.architecture", ARCHITECTURE)
                .uint32(PREFIX + "version", VERSION)
                .string(PREFIX + "model", session.model().fingerprint())
                .string(PREFIX + "model_name", session.model().name())
                .string(PREFIX + "kv_type", cache.dtype().name())
                .int32s(PREFIX + "tokens", tokens).int32s(PREFIX + "unread", unread)
                .strings(PREFIX + "roles", messages.stream().map(message -> message.role().spelling()).toList())
                .strings(PREFIX + "contents", messages.stream().map(ChatMessage::content).toList())
                .uint32(PREFIX + "checksum", checksum(cache, tokens.length, bytes));
        for (int layer = 0; layer < cache.layers(); layer++) {
            KvBuffer kv = cache.layer(layer);
            writer.tensor(name(layer), DType.I8, Shape.of(tokens.length, bytes),
                    (offset, target) -> fill(kv, bytes, offset, target));
        }
        writer.write(path);
    }

    private static String name(int layer) {
        return "blk." + layer + ".cache";
    }

    private static long checksum(KvCache cache, int positions, long bytes) {
        CRC32C sum = new CRC32C();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocate(bytes, 64);
            for (int layer = 0; layer < cache.layers(); layer++) {
                for (int pos = 0; pos < positions; pos++) {
                    KvPositions.store(cache.layer(layer), pos, one, 0);
                    sum.update(one.asByteBuffer());
                }
            }
        }
        return sum.getValue();
    }

    /** Bytes of the positions from {@code offset} on, which may begin and end within one. */
    private static void fill(KvBuffer kv, long bytes, long offset, MemorySegment target) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocate(bytes, 64);
            for (long done = 0; done < target.byteSize(); ) {
                long within = (offset + done) % bytes;
                long count = Math.min(bytes - within, target.byteSize() - done);
                KvPositions.store(kv, (int) ((offset + done) / bytes), one, 0);
                MemorySegment.copy(one, within, target, done, count);
                done += count;
            }
        }
    }

    /**
     * Copies the cache into a session of the same model; leaves it as it was where this fails.
     *
     * @return the tokens that the cache holds now
     * @throws FormatException if the session is of another model, too short or of another cache type, or the file is damaged
     */
    int[] restore(Model model, KvCache cache) {
        String theirs = file.metadata().string(PREFIX + "model");
        if (!theirs.equals(model.fingerprint())) {
            throw problem("is a session of another model, '" + file.metadata().string(PREFIX + "model_name", "?") + "' ("
                    + theirs + "); this one is '" + model.name() + "' (" + model.fingerprint() + ")");
        }
        if (kvType != cache.dtype()) {
            throw problem("keeps its cache in " + kvType + ", the session in " + cache.dtype() + "; use --kv-type " + kvType);
        }
        if (tokens.length > cache.capacity()) {
            throw problem("holds " + tokens.length + " positions, the session has room for " + cache.capacity()
                    + "; use --ctx " + tokens.length + " or more");
        }
        checkTokens(tokens, model.config().vocabSize());
        checkTokens(unread, model.config().vocabSize());
        List<MemorySegment> layers = layers(cache);
        for (int layer = 0; layer < cache.layers(); layer++) {
            long bytes = KvPositions.bytes(cache.layer(layer));
            for (int pos = 0; pos < tokens.length; pos++) {
                KvPositions.restore(cache.layer(layer), pos, layers.get(layer), pos * bytes);
            }
        }
        return tokens.clone();
    }

    int[] unread() {
        return unread.clone();
    }

    private void checkTokens(int[] ids, int vocabSize) {
        for (int id : ids) {
            if (id < 0 || id >= vocabSize) {
                throw problem(PREFIX + "tokens: " + id + " is outside the vocabulary of " + vocabSize);
            }
        }
    }

    /** The bytes of each layer, checked. */
    private List<MemorySegment> layers(KvCache cache) {
        CRC32C sum = new CRC32C();
        List<MemorySegment> layers = new ArrayList<>();
        for (int layer = 0; layer < cache.layers(); layer++) {
            TensorSource tensor = file.tensor(name(layer));
            Shape expected = Shape.of(tokens.length, KvPositions.bytes(cache.layer(layer)));
            if (tensor.dtype() != DType.I8 || !tensor.shape().equals(expected)) {
                throw problem("tensor " + name(layer) + ": expected I8 " + expected + ", found " + tensor.dtype() + " "
                        + tensor.shape());
            }
            MemorySegment bytes = tensor.map().segment();
            for (long at = 0; at < bytes.byteSize(); at += 1 << 24) {
                sum.update(bytes.asSlice(at, Math.min(1 << 24, bytes.byteSize() - at)).asByteBuffer());
            }
            layers.add(bytes);
        }
        long checksum = file.metadata().integer(PREFIX + "checksum");
        if (sum.getValue() != checksum) {
            throw problem("is damaged: its checksum is " + Long.toHexString(sum.getValue()) + ", expected "
                    + Long.toHexString(checksum));
        }
        return layers;
    }

    private FormatException problem(String problem) {
        return new FormatException(file.path(), problem);
    }

    @Override
    public void close() {
        file.close();
    }
}
