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

    /** What is here. The revision counts the changes, so that who remembers that a name was not here can see whether that still holds. */
    private record Children(SortedMap<String, KernfsNode> byName, boolean shut, long revision) {

        Children with(String name, KernfsNode child) {
            TreeMap<String, KernfsNode> more = new TreeMap<>(byName);
            more.put(name, child);
            return new Children(more, shut, revision + 1);
        }

        Children without(String name) {
            TreeMap<String, KernfsNode> fewer = new TreeMap<>(byName);
            fewer.remove(name);
            return new Children(fewer, shut, revision + 1);
        }

        Children whenShut() {
            return new Children(byName, true, revision);
        }
    }

    private final AtomicReference<Children> children =
            new AtomicReference<>(new Children(Collections.emptySortedMap(), false, 0));

    /** An empty directory without a place yet. */
    public KernfsDirectory(String name) {
        super(name);
    }

    /** A directory that holds these from the start, without a place yet. */
    public KernfsDirectory(String name, KernfsNode... content) {
        super(name);
        for (KernfsNode child : content) {
            if (tryAdd(child) != null) {
                throw new IllegalArgumentException("two nodes called '" + child.name() + "' in '" + name + "'");
            }
        }
    }

    /** The root of a tree. */
    KernfsDirectory(KernfsTree tree) {
        super(tree);
    }

    /** The root of a new tree without a queue, which is there at once and for good: pollers are told of changes, and nobody else. */
    public static KernfsDirectory root() {
        return new KernfsTree(KernfsOptions.pollersOnly()).root();
    }

    /**
     * Puts a node, with all it holds, into this directory. It becomes visible at once if the directory is, else together with it; in a tree
     * that makes nodes unactivated, when it is activated.
     *
     * @throws NodeRefused EEXIST if there is a node of that name, ENOENT if this directory, or the node, was removed
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

    private @Nullable Errno tryAdd(KernfsNode child) {
        child.settle(this);
        Errno refusal = take(child, child.name(), null);
        if (refusal != null) {
            child.unsettle();
            return refusal;
        }
        KernfsTree home = tree();
        if (home != null) {
            child.plant(home);
            if (isActive() && !home.createsUnactivated()) {
                child.activate(home);
            }
        }
        if (child.state() == NodeState.UNLINKED) {
            unlink(
                    child,
                    child.name()); // it was removed before it had a place: who removed it may not have seen this one
            return Errno.ENOENT;
        }
        return null; // and if it is being removed by now, who removes it takes it out
    }

    /**
     * Puts a node in under a name.
     *
     * @param before where it was, if it comes from another place; if that is this directory, it is gone from there in the same moment
     */
    @Nullable
    Errno take(KernfsNode child, String name, KernfsNode.@Nullable Place before) {
        while (true) {
            Children now = children.get();
            if (now.shut()) {
                return Errno.ENOENT;
            }
            if (now.byName().containsKey(name)) {
                return Errno.EEXIST;
            }
            Children left = before != null && before.parent() == this ? now.without(before.name()) : now;
            if (children.compareAndSet(now, left.with(name, child))) {
                return null;
            }
        }
    }

    void unlink(KernfsNode child, String name) {
        while (true) {
            Children now = children.get();
            if (now.byName().get(name) != child || children.compareAndSet(now, now.without(name))) {
                return;
            }
        }
    }

    /** How often something was put in, taken out or renamed here. */
    public long revision() {
        return children.get().revision();
    }

    /** How many directories are here. */
    public int subdirectories() {
        return (int)
                children().stream().filter(KernfsDirectory.class::isInstance).count();
    }

    /** The nodes here, visible or not. */
    List<KernfsNode> entries() {
        return List.copyOf(children.get().byName().values());
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
            here = stepInto(here, step, path);
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
     * The link at a path; only what stands before its own name is followed.
     *
     * @throws NodeRefused ENOENT, ENOTDIR, or EINVAL if it is no link
     */
    public KernfsLink link(String path) throws NodeRefused {
        int slash = path.lastIndexOf('/');
        KernfsNode above = slash < 0 ? this : find(path.substring(0, slash));
        if (stepInto(above, path.substring(slash + 1), path) instanceof KernfsLink link) {
            return link;
        }
        throw new NodeRefused(Errno.EINVAL, "'" + path + "' is not a link.");
    }

    private static KernfsNode stepInto(KernfsNode here, String name, String path) throws NodeRefused {
        if (!(here instanceof KernfsDirectory directory)) {
            throw new NodeRefused(Errno.ENOTDIR, "'" + here.path() + "' is not a directory.");
        }
        return directory
                .child(name)
                .orElseThrow(() -> new NodeRefused(Errno.ENOENT, "there is no '" + path + "' here."));
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
    void plantChildren(KernfsTree home) {
        children.get().byName().values().forEach(child -> child.plant(home));
    }

    @Override
    void activateChildren(KernfsTree home) {
        children.get().byName().values().forEach(child -> child.activate(home));
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
        } while (!children.compareAndSet(now, now.whenShut()));
        now.byName().values().forEach(KernfsNode::deactivate);
    }

    @Override
    boolean drainChildren(long start, long limitNanos) {
        boolean drained = true;
        for (KernfsNode child : children.get().byName().values()) {
            drained &= child.drainAndUnlink(start, limitNanos);
        }
        return drained;
    }

    @Override
    void drainFiles() {}
}
