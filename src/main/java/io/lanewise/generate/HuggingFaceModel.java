package io.lanewise.generate;

import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.format.FormatException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The {@code model} part of a tokenizer.json: its tokens by id, its merges, and the small settings beside them. */
final class HuggingFaceModel {
    /** Ids may have gaps, but not so many that a small file asks for a large array. */
    private static final int GAPS = 1 << 16;

    private final Map<String, Object> settings = new HashMap<>();
    private String[] tokens = {};
    private int size;
    private int count;
    private boolean listOfTokens;
    private List<String> merges;

    private HuggingFaceModel() {
    }

    static HuggingFaceModel read(JsonFile json) {
        HuggingFaceModel model = new HuggingFaceModel();
        json.enterObject("model");
        for (String field = json.nextField(); field != null; field = json.nextField()) {
            switch (field) {
                case "vocab" -> model.readVocabulary(json);
                case "merges" -> model.readMerges(json);
                default -> model.settings.put(field, json.value());
            }
        }
        return model;
    }

    private void readVocabulary(JsonFile json) {
        JsonToken begin = json.next();
        if (begin == JsonToken.START_ARRAY) {
            listOfTokens = true;
            int depth = 1;
            while (depth > 0) {
                JsonToken token = json.next();
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
            }
            return;
        }
        if (begin != JsonToken.START_OBJECT) {
            throw json.problem("model.vocab is not an object");
        }
        for (String token = json.nextField(); token != null; token = json.nextField()) {
            json.next();
            put(json, json.integer("model.vocab['" + token + "']"), token);
        }
    }

    /** Gives an id its token. */
    void put(JsonFile json, int id, String token) {
        count++;
        if (id < 0 || id > 16L * count + GAPS && id > 16L * tokens.length + GAPS) {
            throw json.problem("model.vocab['" + token + "']: " + id + " is not a plausible id");
        }
        if (id >= tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length + (tokens.length >> 1) + 1024));
        }
        if (tokens[id] != null && !tokens[id].equals(token)) {
            throw json.problem("model.vocab: '" + tokens[id] + "' and '" + token + "' have the same id " + id);
        }
        tokens[id] = token;
        size = Math.max(size, id + 1);
    }

    private void readMerges(JsonFile json) {
        if (json.next() != JsonToken.START_ARRAY) {
            throw json.problem("model.merges is not a list");
        }
        merges = new ArrayList<>();
        for (JsonToken token = json.next(); token != JsonToken.END_ARRAY; token = json.next()) {
            merges.add(token == JsonToken.START_ARRAY ? pair(json) : single(json, token));
        }
    }

    private String single(JsonFile json, JsonToken token) {
        if (token != JsonToken.VALUE_STRING) {
            throw json.problem("model.merges[" + merges.size() + "] is neither a string nor a pair of strings");
        }
        return json.text();
    }

    private String pair(JsonFile json) {
        String left = single(json, json.next());
        String right = single(json, json.next());
        if (json.next() != JsonToken.END_ARRAY) {
            throw json.problem("model.merges[" + merges.size() + "] has more than two parts");
        }
        if (left.indexOf(' ') >= 0 || right.indexOf(' ') >= 0) {
            throw json.problem("model.merges[" + merges.size() + "]: a part that holds a space is not supported");
        }
        return left + ' ' + right;
    }

    /** The tokens by id; ids that the file leaves out have an empty one. */
    List<String> tokens() {
        String[] all = Arrays.copyOf(tokens, size);
        for (int id = 0; id < size; id++) {
            if (all[id] == null) {
                all[id] = "";
            }
        }
        return Arrays.asList(all);
    }

    /** The merges as {@code "left right"}; null where the file has none. */
    List<String> merges() {
        return merges;
    }

    /** BPE, WordPiece, …; older files do not say and are known by what they hold. */
    String type() {
        Object type = settings.get("type");
        if (type instanceof String name) {
            return name;
        }
        return merges != null ? "BPE" : listOfTokens ? "Unigram" : "WordPiece";
    }

    boolean flag(String name) {
        return Boolean.TRUE.equals(settings.get(name));
    }

    /** A string setting; null where it is missing or null. */
    String string(String name) {
        return settings.get(name) instanceof String text ? text : null;
    }

    /** Refuses a setting that would change the tokens and is not handled. */
    void refuse(JsonFile json, String name) {
        String value = string(name);
        if (value != null && !value.isEmpty()) {
            throw json.problem("model." + name + " '" + value + "' is not supported");
        }
    }

    /** The priority of each token by the rank of the first merge that gives it; tokens that no merge gives never join. */
    float[] scores(JsonFile json) throws FormatException {
        Map<String, Integer> ids = HashMap.newHashMap(size);
        for (int id = 0; id < size; id++) {
            ids.put(tokens[id], id);
        }
        float[] scores = new float[size];
        Arrays.fill(scores, Float.NEGATIVE_INFINITY);
        for (int rank = merges.size() - 1; rank >= 0; rank--) {
            String merge = merges.get(rank);
            int space = merge.indexOf(' ');
            Integer id = space <= 0 ? null : ids.get(merge.substring(0, space) + merge.substring(space + 1));
            if (id == null) {
                throw json.problem("model.merges[" + rank + "] '" + merge + "': what it gives is not in model.vocab");
            }
            scores[id] = -rank;
        }
        return scores;
    }
}
