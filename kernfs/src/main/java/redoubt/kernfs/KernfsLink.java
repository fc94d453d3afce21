package redoubt.kernfs;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A second name for another node, as {@code rd0} is for {@code dev-sda}. When that node goes, the link leads nowhere. */
public final class KernfsLink extends KernfsNode {

    /** Longest way that {@link #readlink} gives, in characters. */
    public static final int PATH_LIMIT = 4095;

    private final KernfsNode target;

    /** A link without a place yet. */
    public KernfsLink(String name, KernfsNode target) {
        super(name);
        this.target = target;
    }

    /** What it leads to. */
    public KernfsNode target() {
        return target;
    }

    /**
     * What {@code readlink(2)} says: {@link #relativePath}, also when the target is gone.
     *
     * @throws NodeRefused ENAMETOOLONG
     */
    public String readlink() throws NodeRefused {
        String path = relativePath();
        if (path.length() > PATH_LIMIT) {
            throw new NodeRefused(Errno.ENAMETOOLONG, "the way of '" + path() + "' is longer than a path can be.");
        }
        return path;
    }

    /** The way from the link's directory to its target: up to what both stand in, and down again. */
    public String relativePath() {
        KernfsTree home = tree();
        if (home == null) {
            return way();
        }
        home.lock(); // so that nothing on the way is renamed meanwhile
        try {
            return way();
        } finally {
            home.unlock();
        }
    }

    private String way() {
        List<KernfsNode> from = ancestry(this);
        List<KernfsNode> to = ancestry(target);
        int common = 0;
        while (common < from.size() - 1 && common < to.size() - 1 && from.get(common) == to.get(common)) {
            common++;
        }
        List<String> steps = new ArrayList<>(Collections.nCopies(from.size() - 1 - common, ".."));
        to.subList(common, to.size()).forEach(node -> steps.add(node.name()));
        return String.join("/", steps);
    }

    private static List<KernfsNode> ancestry(KernfsNode node) {
        List<KernfsNode> nodes = new ArrayList<>();
        for (KernfsNode at = node; at != null; at = at.parent()) {
            nodes.addFirst(at);
        }
        return nodes;
    }

    @Override
    void plantChildren(KernfsTree home) {}

    @Override
    void activateChildren(KernfsTree home) {}

    @Override
    void refuseToWaitForOneself() {}

    @Override
    void deactivateChildren() {}

    @Override
    boolean drainChildren(long start, long limitNanos) {
        return true;
    }

    @Override
    void drainFiles() {}
}
