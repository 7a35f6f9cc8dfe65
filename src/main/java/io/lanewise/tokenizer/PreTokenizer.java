package io.lanewise.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * A named rule that cuts a text into the words of a byte-level BPE: one {@link Splitter} after the other, each within
 * the pieces of the one before. Names are those of {@code tokenizer.ggml.pre}.
 *
 * @param steps        the splitters in order
 * @param ignoreMerges whether by default a word that is a token is that token
 * @param addBos       whether by default BOS goes in front
 * @param addSep       whether by default SEP goes behind
 */
record PreTokenizer(Splitter[] steps, boolean ignoreMerges, boolean addBos, boolean addSep) {
    private static final Map<String, Supplier<PreTokenizer>> RULES = rules();

    /** Takes the pieces that a rule gives. */
    interface Sink {
        /** One piece: chars [from, to), at least one. */
        void piece(char[] text, int from, int to);
    }

    /** The rule of this name; null stands for {@code default}. */
    static PreTokenizer of(String name) {
        Supplier<PreTokenizer> rule = RULES.get(name == null ? "default" : name);
        if (rule == null) {
            throw new IllegalArgumentException("pre: '" + name + "' is no pre-tokenizer known here; known are "
                    + String.join(", ", names()));
        }
        return rule.get();
    }

    /** All names in alphabetical order. */
    static TreeSet<String> names() {
        return new TreeSet<>(RULES.keySet());
    }

    /** Cuts chars [from, to). */
    void split(char[] text, int from, int to, Sink sink) {
        split(0, text, from, to, sink);
    }

    private void split(int step, char[] text, int from, int to, Sink sink) {
        Splitter splitter = steps[step];
        boolean last = step == steps.length - 1;
        for (int at = from; at < to;) {
            int end = splitter.end(text, at, to);
            if (last) {
                sink.piece(text, at, end);
            } else {
                split(step + 1, text, at, end, sink);
            }
            at = end;
        }
    }

    private static Map<String, Supplier<PreTokenizer>> rules() {
        Map<String, Supplier<PreTokenizer>> rules = new HashMap<>();
        put(rules, () -> plain(new GptSplitter()), "gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
                "gigachat", "a.x-4.0", "mellum", "modern-bert", "exaone4", "mpt", "olmo", "jais", "trillion",
                "granite-docling");
        put(rules, () -> new PreTokenizer(new Splitter[] {new GptSplitter()}, false, true, true), "jina-v1-en",
                "jina-v2-code", "roberta-bpe");
        put(rules, () -> new PreTokenizer(new Splitter[] {new WordSplitter(3, false)}, true, true, false), "llama-bpe",
                "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano");
        put(rules, () -> plain(new WordSplitter(3, false)), "dbrx", "smaug-bpe", "glm4", "chatglm-bpe");
        put(rules, () -> plain(new WordSplitter(1, false)), "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez",
                "stablelm2", "hunyuan", "solar-open", "grok-2");
        put(rules, () -> plain(new WordSplitter(1, true)), "qwen35");
        put(rules, () -> new PreTokenizer(new Splitter[] {new CaseSplitter(1, false)}, true, true, false), "tekken");
        put(rules, () -> plain(new CaseSplitter(3, true)), "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2");
        put(rules, () -> plain(DeepSeekSplitters.llm()), "deepseek-llm");
        put(rules, () -> plain(DeepSeekSplitters.coder()), "deepseek-coder");
        put(rules, () -> plain(DeepSeekSplitters.v3()), "deepseek-v3", "hunyuan-dense", "joyai-llm");
        put(rules, () -> plain(RunSplitter.runs(CharClass.NUMBER, null, 1, 1), new GptSplitter()), "starcoder",
                "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2");
        put(rules, () -> plain(punctuation("$+<=>^~|`"), new GptSplitter(), threeDigits()), "falcon");
        put(rules, () -> plain(punctuation("$+<=>^~|"), new GptSplitter(),
                RunSplitter.runs(CharClass.NUMBER, null), threeDigits()), "default");
        return rules;
    }

    private static void put(Map<String, Supplier<PreTokenizer>> rules, Supplier<PreTokenizer> rule, String... names) {
        for (String name : names) {
            rules.put(name, rule);
        }
    }

    private static PreTokenizer plain(Splitter... steps) {
        return new PreTokenizer(steps, false, false, false);
    }

    /** {@code [\p{P}...]+} with these signs. */
    private static Splitter punctuation(String signs) {
        return RunSplitter.runs(CharClass.PUNCTUATION,
                new CharRanges(signs.chars().flatMap(c -> Arrays.stream(new int[] {c, c})).toArray()));
    }

    /** {@code [0-9][0-9][0-9]}. */
    private static Splitter threeDigits() {
        return RunSplitter.runs(0, new CharRanges('0', '9'), 3, 3);
    }
}
