package io.lanewise.cli;

import io.lanewise.format.GgufWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A made-up vocabulary of a real one's kind and size, which can spell any text: all bytes, then words of chance
 * letters, each put together from two earlier tokens; and the real one's special tokens where the real one has them.
 */
final class SynthVocabulary {
    /** Codes of {@code tokenizer.ggml.token_type}. */
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int UNUSED = 5;
    private static final int BYTE = 6;

    private static final int LONGEST_WORD = 12;
    private static final String LETTERS = "etaoinshrdlcumwfgypbvkjxqz";

    /** The vocabularies of the models whose shapes we know. */
    enum Kind {
        STORIES(512) {
            @Override
            void write(GgufWriter file) {
                writeSentencePiece(file, size);
            }
        },
        SMOLLM(49_152) {
            @Override
            void write(GgufWriter file) {
                Bytes tokens = new Bytes(size);
                tokens.add(CONTROL, "<|endoftext|>", "<|im_start|>", "<|im_end|>");
                tokens.addReserved(17, CONTROL, "<|reserved_%d|>");
                tokens.addWords(size);
                tokens.write(file, "smollm", 1, 2);
                file.uint32("tokenizer.ggml.unknown_token_id", 0).uint32("tokenizer.ggml.padding_token_id", 2)
                        .bool("tokenizer.ggml.add_space_prefix", false).bool("tokenizer.ggml.add_bos_token", false);
            }
        },
        LLAMA3(128_256) {
            @Override
            void write(GgufWriter file) {
                Bytes tokens = new Bytes(size);
                tokens.addWords(128_000);
                tokens.add(CONTROL, "<|begin_of_text|>", "<|end_of_text|>");
                tokens.addReserved(128_006, CONTROL, "<|reserved_special_token_%d|>");
                tokens.add(CONTROL, "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>");
                tokens.addReserved(size, CONTROL, "<|reserved_special_token_%d|>");
                tokens.write(file, "llama-bpe", 128_000, 128_001);
                file.bool("tokenizer.ggml.add_bos_token", true);
            }
        },
        DEEPSEEK_LLM(102_400) {
            @Override
            void write(GgufWriter file) {
                Bytes tokens = new Bytes(size);
                tokens.addWords(100_000);
                tokens.add(CONTROL, "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
                        "<\uff5cend\u2581of\u2581sentence\uff5c>");
                tokens.addReserved(size, UNUSED, "[PAD%d]");
                tokens.write(file, "deepseek-llm", 100_000, 100_001);
                file.uint32("tokenizer.ggml.padding_token_id", 100_001).bool("tokenizer.ggml.add_bos_token", true)
                        .bool("tokenizer.ggml.add_eos_token", false);
            }
        },
        DEEPSEEK_QWEN(151_936) {
            @Override
            void write(GgufWriter file) {
                Bytes tokens = new Bytes(size);
                tokens.addWords(151_643);
                tokens.add(CONTROL, "<\uff5cend\u2581of\u2581sentence\uff5c>", "<\uff5cUser\uff5c>",
                        "<\uff5cAssistant\uff5c>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>");
                tokens.addReserved(151_665, CONTROL, "<|reserved_%d|>");
                tokens.addReserved(size, UNUSED, "[PAD%d]");
                tokens.write(file, "deepseek-r1-qwen", 151_646, 151_643);
                file.uint32("tokenizer.ggml.padding_token_id", 151_643).bool("tokenizer.ggml.add_bos_token", true)
                        .bool("tokenizer.ggml.add_eos_token", false);
            }
        };

        final int size;

        Kind(int size) {
            this.size = size;
        }

        /** Adds the vocabulary's metadata to a file. */
        abstract void write(GgufWriter file);
    }

    private SynthVocabulary() {}

    /** Draws words from letters and earlier words, none twice. */
    private static final class Words {
        private final SplittableRandom random = new SplittableRandom(7);
        private final Set<String> known = new HashSet<>();
        private final List<String> starts = new ArrayList<>();
        private final List<String> parts = new ArrayList<>();

        Words(String space) {
            starts.add(space);
            for (int i = 0; i < LETTERS.length(); i++) {
                starts.add(LETTERS.substring(i, i + 1));
                parts.add(LETTERS.substring(i, i + 1));
            }
        }

        /** The two halves of a new word; small numbers are likelier, so that short words stand in long ones. */
        String[] next() {
            while (true) {
                String left = pick(starts);
                String right = pick(parts);
                String word = left + right;
                if (word.length() <= LONGEST_WORD && known.add(word)) {
                    starts.add(word);
                    if (!word.startsWith(starts.getFirst())) {
                        parts.add(word);
                    }
                    return new String[] {left, right};
                }
            }
        }

        private String pick(List<String> from) {
            double u = random.nextDouble();
            return from.get((int) (u * u * from.size()));
        }
    }

    /** A byte-level BPE vocabulary (model {@code gpt2}) that grows. */
    private static final class Bytes {
        private final List<String> tokens;
        private final List<String> merges = new ArrayList<>();
        private final int[] types;

        Bytes(int size) {
            tokens = new ArrayList<>(size);
            types = new int[size];
        }

        void add(int type, String... names) {
            for (String name : names) {
                types[tokens.size()] = type;
                tokens.add(name);
            }
        }

        void addReserved(int end, int type, String format) {
            while (tokens.size() < end) {
                add(type, String.format(format, tokens.size()));
            }
        }

        /** All bytes, then words up to {@code end} tokens. */
        void addWords(int end) {
            for (int pass = 0; pass < 2; pass++) {
                int renamed = 0;
                for (int b = 0; b < 256; b++) {
                    boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
                    int character = printable ? b : 256 + renamed++;
                    if (printable == (pass == 0)) {
                        add(NORMAL, String.valueOf((char) character));
                    }
                }
            }
            Words words = new Words("\u0120");
            while (tokens.size() < end) {
                String[] halves = words.next();
                merges.add(halves[0] + " " + halves[1]);
                add(NORMAL, halves[0] + halves[1]);
            }
        }

        void write(GgufWriter file, String pre, int bos, int eos) {
            file.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", pre)
                    .strings("tokenizer.ggml.tokens", tokens).int32s("tokenizer.ggml.token_type", types)
                    .strings("tokenizer.ggml.merges", merges)
                    .uint32("tokenizer.ggml.bos_token_id", bos).uint32("tokenizer.ggml.eos_token_id", eos);
        }
    }

    private static void writeSentencePiece(GgufWriter file, int size) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int b = 0; b < 256; b++) {
            tokens.add(String.format("<0x%02X>", b));
        }
        Words words = new Words("\u2581");
        tokens.add("\u2581");
        for (int i = 0; i < LETTERS.length(); i++) {
            tokens.add(LETTERS.substring(i, i + 1));
        }
        while (tokens.size() < size) {
            tokens.add(String.join("", words.next()));
        }
        int[] types = new int[size];
        float[] scores = new float[size];
        for (int id = 0; id < size; id++) {
            types[id] = id == 0 ? UNKNOWN : id < 3 ? CONTROL : id < 259 ? BYTE : NORMAL;
            scores[id] = Math.min(0, 259 - id);
        }
        file.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", tokens)
                .float32s("tokenizer.ggml.scores", scores).int32s("tokenizer.ggml.token_type", types)
                .uint32("tokenizer.ggml.bos_token_id", 1).uint32("tokenizer.ggml.eos_token_id", 2)
                .uint32("tokenizer.ggml.unknown_token_id", 0);
    }
}
