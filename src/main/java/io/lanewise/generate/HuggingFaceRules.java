package io.lanewise.generate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Knows the pre-tokenizers of tokenizer.json files by what they are made of, and names the rule that does the same. The
 * expressions are those that the models publish; a sequence that is not in the list is not guessed at.
 */
final class HuggingFaceRules {
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String WORDS = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}";
    private static final String SPACES = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String SYMBOLS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" + SPACES;
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String PREFIX = "[^\\r\\n\\p{L}\\p{N}]?";
    private static final String CASE_TAIL = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" + SPACES;
    private static final String EASTERN = "[一-龥\u0800-一가-\ud7ff]+";
    private static final String V3_WORDS = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
            + "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*" + SPACES;
    /** DeepSeek LLM lists the letters that have a case, 600 chars of them; its beginning tells it. */
    private static final String CASED_LETTERS = "\\s?[A-Za-zµÀ-Ö";

    private static final Map<List<String>, String> RULES = new HashMap<>();

    static {
        RULES.put(List.of("gpt2"), "gpt-2");
        RULES.put(List.of("digit", "gpt2"), "starcoder");
        RULES.put(List.of("punctuation", "gpt2", "digits", "[0-9][0-9][0-9]"), "falcon");
        RULES.put(List.of(WORDS + SYMBOLS), "qwen2");
        RULES.put(List.of(WORDS + "{1,3}" + SYMBOLS), "dbrx");
        RULES.put(List.of(CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*"
                + SPACES), "qwen35");
        RULES.put(List.of(PREFIX + UPPER + "*" + LOWER + "+|" + PREFIX + UPPER + "+" + LOWER + "*|\\p{N}" + CASE_TAIL),
                "tekken");
        RULES.put(List.of(PREFIX + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + PREFIX + UPPER + "+" + LOWER + "*"
                + CONTRACTIONS + "?|\\p{N}{1,3}" + CASE_TAIL), "gpt-4o");
        RULES.put(List.of("[\\r\\n]", CASED_LETTERS, "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", "\\s+$", EASTERN, "digit"),
                "deepseek-llm");
        RULES.put(List.of("[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", EASTERN, "digit"), "deepseek-coder");
        RULES.put(List.of("\\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", V3_WORDS), "deepseek-v3");
    }

    private HuggingFaceRules() {
    }

    /** The name of the rule of a byte-level BPE. */
    static String preTokenizer(JsonFile json, Map<String, Object> preTokenizer) {
        List<String> steps = new ArrayList<>();
        boolean bytes = false;
        for (Map<String, Object> step : flat(preTokenizer, "pretokenizers")) {
            bytes |= "ByteLevel".equals(step.get("type"));
            addStep(json, step, steps);
        }
        String rule = bytes ? RULES.get(steps) : null;
        if (rule == null) {
            throw json.problem("pre_tokenizer: this sequence of steps is not known: " + steps + "; known are those of "
                    + RULES.values().stream().sorted().toList());
        }
        return rule;
    }

    private static void addStep(JsonFile json, Map<String, Object> step, List<String> steps) {
        switch (String.valueOf(step.get("type"))) {
            case "ByteLevel" -> {
                if (Boolean.TRUE.equals(step.get("add_prefix_space"))) {
                    throw json.problem("pre_tokenizer: ByteLevel with add_prefix_space is not supported");
                }
                if (!Boolean.FALSE.equals(step.get("use_regex"))) {
                    steps.add("gpt2");
                }
            }
            case "Digits" -> steps.add(Boolean.TRUE.equals(step.get("individual_digits")) ? "digit" : "digits");
            case "Punctuation" -> steps.add("Contiguous".equals(step.get("behavior")) ? "punctuation"
                    : "punctuation " + step.get("behavior"));
            case "Split" -> steps.add(split(json, step));
            default -> steps.add(String.valueOf(step.get("type")));
        }
    }

    private static String split(JsonFile json, Map<String, Object> step) {
        Object regex = step.get("pattern") instanceof Map<?, ?> pattern ? pattern.get("Regex") : null;
        boolean isolated = "Isolated".equals(step.get("behavior")) || "Removed".equals(step.get("behavior"))
                && Boolean.TRUE.equals(step.get("invert"));
        if (!(regex instanceof String expression) || !isolated) {
            throw json.problem("pre_tokenizer: a Split by " + step.get("pattern") + " with behavior "
                    + step.get("behavior") + " is not supported");
        }
        // Some files hold the line ends themselves where others hold their escapes.
        return expression.startsWith(CASED_LETTERS) ? CASED_LETTERS
                : expression.replace("\r", "\\r").replace("\n", "\\n");
    }

    /** The steps of a component, whether it is one or a (nested) sequence of them; none where it is missing. */
    static List<Map<String, Object>> flat(Map<String, Object> component, String listName) {
        List<Map<String, Object>> steps = new ArrayList<>();
        addFlat(component, listName, steps);
        return steps;
    }

    @SuppressWarnings("unchecked")
    private static void addFlat(Object component, String listName, List<Map<String, Object>> steps) {
        if (!(component instanceof Map<?, ?> map) || map.isEmpty()) {
            return;
        }
        if ("Sequence".equals(map.get("type")) && map.get(listName) instanceof List<?> list) {
            list.forEach(step -> addFlat(step, listName, steps));
        } else {
            steps.add((Map<String, Object>) map);
        }
    }
}
