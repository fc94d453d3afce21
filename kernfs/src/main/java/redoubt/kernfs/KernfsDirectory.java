package redoubt.kernfs;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A directory. Its children are an immutable map that is replaced whole; when the directory is removed the map is shut in the same
 * step, so nobody can put a child where nobody would find it again.
 */
public final class KernfsDirectory extends KernfsNode {

    /** How many links a path may lead through. */
    private static final int LINKS_LIMIT = 8;

    private record Children(SortedMap<String, KernfsNode> byName, boolean shut) {}

    private final AtomicReference<Children> children =
            new AtomicReference<>(new Children(Collections.emptySortedMap(), false));

    /** An empty directory without a place yet. */
    public KernfsDirectory(String name) {
        super(name);
    }

    /** A directory that holds these from the start, without a place yet. */
    public KernfsDirectory(String name, KernfsNode... content) {
        super(name);
        for (KernfsNode child : content) {
            addHere(child);
        }
    }

    private KernfsDirectory() {
        super();
    }

    /** The root of a new tree, which is there at once and for good. */
    public static KernfsDirectory root() {
        return new KernfsDirectory();
    }

    /**
     * Puts a node, with all it holds, into this directory. It becomes visible at once if the directory is, else together with it.
     *
     * @throws NodeRefused EEXIST if there is a node of that name, ENOENT if this directory was removed
     */
    public void add(KernfsNode child) throws NodeRefused {
        Errno refusal = tryAdd(child);
        if (refusal == Errno.EEXIST) {
            throw new NodeRefused(refusal, "there is a '" + child.name() + "' in '" + path() + "' already.");
        }
        if (refusal != null) {
            throw new NodeRefused(refusal, "'" + path() + "' was removed.");
        }
    }

    private void addHere(KernfsNode child) {
        if (tryAdd(child) != null) {
            throw new IllegalArgumentException("two nodes called '" + child.name() + "' in '" + name() + "'");
        }
    }

    private @Nullable Errno tryAdd(KernfsNode child) {
        while (true) {
            Children now = children.get();
            if (now.shut()) {
                return Errno.ENOENT;
            }
            if (now.byName().containsKey(child.name())) {
                return Errno.EEXIST;
            }
            TreeMap<String, KernfsNode> more = new TreeMap<>(now.byName());
            more.put(child.name(), child);
            if (child.parent() != this) {
                child.parent(this);
            }
            if (children.compareAndSet(now, new Children(more, false))) {
                break;
            }
        }
        if (isActive()) {
            child.activate();
        }
        return null;
    }

    void unlink(KernfsNode child) {
        while (true) {
            Children now = children.get();
            if (now.byName().get(child.name()) != child) {
                return;
            }
            TreeMap<String, KernfsNode> fewer = new TreeMap<>(now.byName());
            fewer.remove(child.name());
            if (children.compareAndSet(now, new Children(fewer, now.shut()))) {
                return;
            }
        }
    }

    /** The visible nodes, by name. */
    public List<KernfsNode> children() {
        return children.get().byName().values().stream()
                .filter(KernfsNode::isActive)
                .toList();
    }

    /** The visible node of that name right here. */
    public Optional<KernfsNode> child(String name) {
        return Optional.ofNullable(children.get().byName().get(name)).filter(KernfsNode::isActive);
    }

    /**
     * The node at a path of names with '/' between, links followed. The empty path is this directory.
     *
     * @throws NodeRefused ENOENT or ENOTDIR
     */
    public KernfsNode find(String path) throws NodeRefused {
        KernfsNode here = this;
        int links = 0;
        for (String step : path.split("/", -1)) {
            if (step.isEmpty()) {
                continue;
            }
            if (!(here instanceof KernfsDirectory directory)) {
                throw new NodeRefused(Errno.ENOTDIR, "'" + here.path() + "' is not a directory.");
            }
            here = directory
                    .child(step)
                    .orElseThrow(() -> new NodeRefused(Errno.ENOENT, "there is no '" + path + "' here."));
            while (here instanceof KernfsLink link) {
                here = link.target();
                if (!here.isActive() || ++links > LINKS_LIMIT) {
                    throw new NodeRefused(Errno.ENOENT, "'" + link.path() + "' leads nowhere.");
                }
            }
        }
        return here;
    }

    /**
     * The attribute at a path.
     *
     * @throws NodeRefused ENOENT, ENOTDIR or EISDIR
     */
    public KernfsAttribute attribute(String path) throws NodeRefused {
        if (find(path) instanceof KernfsAttribute attribute) {
            return attribute;
        }
        throw new NodeRefused(Errno.EISDIR, "'" + path + "' is not an attribute.");
    }

    @Override
    void activateChildren() {
        children.get().byName().values().forEach(KernfsNode::activate);
    }

    @Override
    void refuseToWaitForOneself() {
        children.get().byName().values().forEach(KernfsNode::refuseToWaitForOneself);
    }

    @Override
    void deactivateChildren() {
        Children now;
        do {
            now = children.get();
        } while (!children.compareAndSet(now, new Children(now.byName(), true)));
        now.byName().values().forEach(KernfsNode::deactivate);
    }

    @Override
    void drainChildren() {
        for (KernfsNode child : List.copyOf(children.get().byName().values())) {
            child.drainAndUnlink();
        }
    }

    @Override
    void gone() {}
}
