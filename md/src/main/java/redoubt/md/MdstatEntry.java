package redoubt.md;

import redoubt.kernfs.AttributeText;

/** What {@code /proc/mdstat} has an entry for: an array, or a container of arrays. */
public interface MdstatEntry extends ArrayListener {

    /** Appends the entry. Any thread; allocates nothing. */
    void appendMdstat(AttributeText out);
}
