package io.lanewise.generate;

import io.lanewise.format.FormatException;
import io.lanewise.tokenizer.TokenType;
import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Tokenizers;
import io.lanewise.tokenizer.Vocabulary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads the vocabulary of a Hugging Face model folder: {@code tokenizer.json}, and where they are there
 * {@code tokenizer_config.json}, {@code generation_config.json} and {@code config.json} for the ids with a duty. Byte-level
 * BPE, SentencePiece-style BPE with byte fallback, and WordPiece are read; whatever would change the tokens and is not
 * handled (another normaliser, pre-tokenizer, decoder or model) is refused by name.
 */
public final class HuggingFaceTokenizerFile {
    private static final String SPACE = "\u2581";

    private final Path path;
    private final JsonFile json;
    private HuggingFaceModel model;
    private final Map<String, Map<String, Object>> parts = new HashMap<>();
    private List<Map<String, Object>> added = List.of();
    private List<String> tokens;
    private int[] types;

    private HuggingFaceTokenizerFile(Path path, JsonFile json) {
        this.path = path;
        this.json = json;
    }

    /**
     * The tokenizer of a model folder, or of a tokenizer.json in it.
     *
     * @throws FormatException when a file is missing, damaged or asks for what is not handled; it names the file and the
     *     field
     */
    public static Tokenizer tokenizer(Path folderOrFile) {
        Path file = file(folderOrFile);
        try {
            return Tokenizers.of(read(file));
        } catch (IllegalArgumentException e) {
            throw new FormatException(file, e.getMessage(), e);
        }
    }

    /** The vocabulary of a model folder, or of a tokenizer.json in it; {@link Tokenizers#of} checks it. */
    public static Vocabulary read(Path folderOrFile) {
        Path file = file(folderOrFile);
        try (JsonFile json = new JsonFile(file)) {
            return new HuggingFaceTokenizerFile(file, json).vocabulary();
        }
    }

    private static Path file(Path folderOrFile) {
        Path file = Files.isDirectory(folderOrFile) ? folderOrFile.resolve("tokenizer.json") : folderOrFile;
        if (!Files.isRegularFile(file)) {
            throw new FormatException(file, "is missing: a model folder needs its tokenizer.json");
        }
        return file;
    }

    @SuppressWarnings("unchecked")
    private Vocabulary vocabulary() {
        json.enterObject("the file");
        for (String field = json.nextField(); field != null; field = json.nextField()) {
            switch (field) {
                case "model" -> model = HuggingFaceModel.read(json);
                case "added_tokens" -> added = json.value() instanceof List<?> list ? objects(list) : List.of();
                case "normalizer", "pre_tokenizer", "post_processor", "decoder" ->
                    parts.put(field, json.value() instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of());
                default -> json.skipValue();
            }
        }
        if (model == null) {
            throw json.problem("has no model");
        }
        takeAddedTokens();
        Vocabulary.Builder builder = switch (model.type()) {
            case "BPE" -> model.flag("byte_fallback") || !hasStep("pre_tokenizer", "pretokenizers", "ByteLevel")
                    ? sentencePiece() : byteLevel();
            case "WordPiece" -> wordPiece();
            default -> throw json.problem("model.type " + model.type() + " is not supported; BPE and WordPiece are");
        };
        return addSettings(builder).build();
    }

    private static List<Map<String, Object>> objects(List<?> list) {
        List<Map<String, Object>> objects = new ArrayList<>();
        for (Object element : list) {
            objects.addAll(HuggingFaceRules.flat(Map.of("type", "Sequence", "list", List.of(element)), "list"));
        }
        return objects;
    }

    private void takeAddedTokens() {
        for (Map<String, Object> token : added) {
            if (!(token.get("content") instanceof String content) || !(token.get("id") instanceof Double id)) {
                throw json.problem("added_tokens: an entry has no id or no content");
            }
            if (Boolean.TRUE.equals(token.get("single_word"))) {
                throw json.problem("added_tokens: '" + content + "' has single_word, which is not supported");
            }
            model.put(json, id.intValue(), content);
        }
        tokens = new ArrayList<>(model.tokens());
        types = new int[tokens.size()];
        for (int id = 0; id < types.length; id++) {
            types[id] = (tokens.get(id).isEmpty() ? TokenType.UNUSED : TokenType.NORMAL).code();
        }
        for (Map<String, Object> token : added) {
            boolean special = Boolean.TRUE.equals(token.get("special"));
            types[addedId(token)] = (special ? TokenType.CONTROL : TokenType.USER_DEFINED).code();
        }
    }

    private static int addedId(Map<String, Object> token) {
        return ((Double) token.get("id")).intValue();
    }

    private boolean hasStep(String part, String listName, String type) {
        return HuggingFaceRules.flat(parts.get(part), listName).stream().anyMatch(step -> type.equals(step.get("type")));
    }

    private Vocabulary.Builder byteLevel() {
        refuseAffixes();
        boolean compose = false;
        for (Map<String, Object> step : HuggingFaceRules.flat(parts.get("normalizer"), "normalizers")) {
            if (!"NFC".equals(step.get("type"))) {
                throw unsupported("normalizer", step);
            }
            compose = true;
        }
        refuseDecodersBut(Set.of("ByteLevel"));
        if (model.merges() == null) {
            throw json.problem("model.merges is missing");
        }
        return Vocabulary.builder("gpt2", tokens).pre(HuggingFaceRules.preTokenizer(json, parts.get("pre_tokenizer")))
                .merges(model.merges()).composeUnicode(compose).ignoreMerges(model.flag("ignore_merges"));
    }

    private Vocabulary.Builder sentencePiece() {
        refuseAffixes();
        if (model.merges() == null) {
            throw json.problem("model.merges is missing");
        }
        boolean[] prefix = new boolean[1];
        boolean escapes = readSpaceNormalizer(prefix);
        boolean once = false;
        for (Map<String, Object> step : HuggingFaceRules.flat(parts.get("pre_tokenizer"), "pretokenizers")) {
            if ("Metaspace".equals(step.get("type")) && SPACE.equals(step.getOrDefault("replacement", SPACE))) {
                escapes = true;
                Object scheme = step.get("prepend_scheme");
                prefix[0] = scheme == null ? !Boolean.FALSE.equals(step.get("add_prefix_space"))
                        : !"never".equals(scheme);
                once = "first".equals(scheme);
            } else if (!isSplitAtSpace(step)) {
                throw unsupported("pre_tokenizer", step);
            }
        }
        if (!escapes) {
            throw json.problem("neither normalizer nor pre_tokenizer writes spaces as " + SPACE
                    + ", and the tokens are not byte-level: this kind of BPE is not supported");
        }
        refuseDecodersBut(Set.of("Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"));
        markSentencePieceTypes();
        return Vocabulary.builder("llama", tokens).scores(model.scores(json)).addSpacePrefix(prefix[0])
                .prefixOnce(once).unk(id(model.string("unk_token")));
    }

    /** Reads {@code Prepend ▁} and {@code Replace " " by ▁}; whether spaces are replaced. */
    private boolean readSpaceNormalizer(boolean[] prefix) {
        boolean replaces = false;
        for (Map<String, Object> step : HuggingFaceRules.flat(parts.get("normalizer"), "normalizers")) {
            boolean replace = "Replace".equals(step.get("type")) && SPACE.equals(step.get("content"))
                    && Map.of("String", " ").equals(step.get("pattern"));
            boolean prepend = "Prepend".equals(step.get("type")) && SPACE.equals(step.get("prepend"));
            if (!replace && !prepend) {
                throw unsupported("normalizer", step);
            }
            replaces |= replace;
            prefix[0] |= prepend;
        }
        return replaces;
    }

    /** Gemma cuts at spaces after they have been replaced: nothing is left to cut. */
    private static boolean isSplitAtSpace(Map<String, Object> step) {
        return "Split".equals(step.get("type")) && Map.of("String", " ").equals(step.get("pattern"));
    }

    private void markSentencePieceTypes() {
        int unk = id(model.string("unk_token"));
        for (int id = 0; id < types.length; id++) {
            String token = tokens.get(id);
            if (id == unk) {
                types[id] = TokenType.UNKNOWN.code();
            } else if (model.flag("byte_fallback") && token.matches("<0x[0-9A-F]{2}>")) {
                types[id] = TokenType.BYTE.code();
            } else if (types[id] == TokenType.USER_DEFINED.code()) {
                tokens.set(id, token.replace(SPACE, " "));
            }
        }
    }

    /** Tokens get the spelling of GGUF files: ▁ begins a word, and what goes on has no prefix. */
    private Vocabulary.Builder wordPiece() {
        Map<String, Object> normalizer = parts.getOrDefault("normalizer", Map.of());
        boolean asBert = "BertNormalizer".equals(normalizer.get("type"))
                && !Boolean.FALSE.equals(normalizer.get("clean_text"))
                && !Boolean.FALSE.equals(normalizer.get("handle_chinese_chars"))
                && "BertPreTokenizer".equals(parts.getOrDefault("pre_tokenizer", Map.of()).get("type"));
        String continuing = model.string("continuing_subword_prefix");
        if (!asBert || continuing != null && !continuing.equals("##")) {
            throw json.problem("WordPiece with another normalizer, pre_tokenizer or continuing_subword_prefix than "
                    + "BERT's is not supported");
        }
        refuseDecodersBut(Set.of("WordPiece"));
        int unk = id(model.string("unk_token"));
        for (int id = 0; id < types.length; id++) {
            String token = tokens.get(id);
            if (types[id] == TokenType.NORMAL.code()) {
                tokens.set(id, token.startsWith("##") && token.length() > 2 ? token.substring(2) : SPACE + token);
            } else if (id == unk) {
                types[id] = TokenType.UNKNOWN.code();
            }
        }
        boolean lowercase = !Boolean.FALSE.equals(normalizer.get("lowercase"));
        return Vocabulary.builder("bert", tokens).unk(unk).lowercase(lowercase)
                .stripAccents(normalizer.get("strip_accents") instanceof Boolean strip ? strip : lowercase);
    }

    private void refuseAffixes() {
        model.refuse(json, "continuing_subword_prefix");
        model.refuse(json, "end_of_word_suffix");
    }

    private void refuseDecodersBut(Set<String> known) {
        for (Map<String, Object> step : HuggingFaceRules.flat(parts.get("decoder"), "decoders")) {
            if (!known.contains(String.valueOf(step.get("type")))) {
                throw unsupported("decoder", step);
            }
        }
    }

    private FormatException unsupported(String part, Map<String, Object> step) {
        return json.problem(part + ": " + step + " is not supported");
    }

    /** The id of a token, or -1. */
    private int id(String token) {
        return token == null ? -1 : tokens.indexOf(token);
    }

    private Vocabulary.Builder addSettings(Vocabulary.Builder builder) {
        Path folder = path.toAbsolutePath().getParent();
        Map<String, Object> config = JsonFile.objectIn(folder.resolve("tokenizer_config.json"));
        HuggingFaceEnds ends = HuggingFaceEnds.read(json, folder, parts.get("post_processor"));
        int bos = ends.front() != null ? id(ends.front()) : firstKnown(id(text(config.get("bos_token"))), ends.bosId());
        int eos = firstKnown(id(text(config.get("eos_token"))), ends.eosId());
        int behind = id(ends.behind());
        boolean llama = model.flag("byte_fallback");
        builder.types(types).bos(within(bos)).eos(within(llama && behind >= 0 ? behind : eos))
                .sep(behind >= 0 ? behind : id(text(config.get("sep_token"))))
                .pad(id(text(config.get("pad_token")))).cls(id(text(config.get("cls_token"))))
                .mask(id(text(config.get("mask_token")))).ends(ends.all(tokens.size()))
                .addBos(config.get("add_bos_token") instanceof Boolean add ? add : ends.front() != null)
                .addEos(config.get("add_eos_token") instanceof Boolean add ? add : llama && behind >= 0)
                .addSep(!llama && behind >= 0);
        return strips(builder);
    }

    private int within(int id) {
        return id < tokens.size() ? id : -1;
    }

    private static int firstKnown(int id, int otherwise) {
        return id >= 0 ? id : otherwise;
    }

    /** A token in a configuration: a string, or an object with its content. */
    private static String text(Object token) {
        return token instanceof Map<?, ?> map ? text(map.get("content")) : token instanceof String text ? text : null;
    }

    private Vocabulary.Builder strips(Vocabulary.Builder builder) {
        BitSet left = new BitSet();
        BitSet right = new BitSet();
        for (Map<String, Object> token : added) {
            left.set(addedId(token), Boolean.TRUE.equals(token.get("lstrip")));
            right.set(addedId(token), Boolean.TRUE.equals(token.get("rstrip")));
        }
        return builder.stripLeft(left).stripRight(right);
    }
}
