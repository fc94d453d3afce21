package redoubt.nbd;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import redoubt.block.BlockDevice;

/**
 * The directory of what a server serves. Names are keys of this directory and nothing else: never paths. The empty name is the
 * first export. Exports may be added and removed while the server runs; a client of one that was removed gets its replies for
 * what is in work and "shutting down" for everything after.
 *
 * <p>Any thread; a list of immutable entries that is copied when it changes.
 */
public final class NbdExports {

    private static final ExportClients NOBODY_ASKS = new ExportClients(() -> {});

    /** Longest description of an export, in bytes of UTF-8. */
    public static final int DESCRIPTION_LIMIT_BYTES = 1024;

    private final CopyOnWriteArrayList<Export> exports = new CopyOnWriteArrayList<>();

    /**
     * Adds an export behind the others.
     *
     * @param name what clients call it; not empty, at most 4,096 bytes, without NUL
     * @param description a line for people, may be empty
     */
    public void add(String name, BlockDevice device, String description) {
        add(name, device, description, NOBODY_ASKS);
    }

    /**
     * The same, and its clients are counted.
     *
     * @param clients those of this export, and of others perhaps
     */
    public synchronized void add(String name, BlockDevice device, String description, ExportClients clients) {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        if (name.isEmpty() || nameBytes.length > Wire.STRING_LIMIT_BYTES || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("an export name has 1 to 4096 bytes and no NUL: '" + name + "'");
        }
        if (description.getBytes(StandardCharsets.UTF_8).length > DESCRIPTION_LIMIT_BYTES
                || description.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("the description of export '" + name + "' is too long or has a NUL");
        }
        if (find(name).isPresent()) {
            throw new IllegalArgumentException("there is an export named '" + name + "' already");
        }
        exports.add(new Export(name, device, description, clients));
    }

    /** Takes an export away; answers whether it was there. The device stays open, and requests in work go on. */
    public synchronized boolean remove(String name) {
        Optional<Export> there =
                exports.stream().filter(e -> e.name.equals(name)).findFirst();
        there.ifPresent(export -> {
            exports.remove(export);
            export.withdrawn = true;
        });
        return there.isPresent();
    }

    /** The names, in order. */
    public List<String> names() {
        return exports.stream().map(e -> e.name).toList();
    }

    /** The export of this name; the empty name is the first. */
    Optional<Export> find(String name) {
        return exports.stream()
                .filter(e -> name.isEmpty() || e.name.equals(name))
                .findFirst();
    }

    Export[] snapshot() {
        return exports.toArray(Export[]::new);
    }
}
