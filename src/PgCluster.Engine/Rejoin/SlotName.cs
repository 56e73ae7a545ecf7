namespace PgCluster.Engine.Rejoin;

/// <summary>Names of the physical replication slots that keep WAL for the cluster's nodes.</summary>
public static class SlotName
{
    /// <summary>What the name of every slot of ours begins with; other slots are never touched.</summary>
    public const string Prefix = "pgcluster_";

    // NAMEDATALEN less the final zero; a longer name would be cut off by the server and then be found nowhere.
    private const int MaxLength = 63;

    /// <summary>The slot of a node: lower case letters, digits and underscores, as PostgreSQL has it.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/> when the name is too long.</exception>
    public static string Of(string node)
    {
        ArgumentException.ThrowIfNullOrEmpty(node);
        var name = Prefix + string.Concat(node.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '_'));
        return name.Length <= MaxLength
            ? name
            : throw new PgClusterException(Reason.InvalidArgument, $"The node's name '{node}' is too long for a replication slot: '{name}' has more than {MaxLength} characters.")
            {
                Target = node,
            };
    }

    /// <summary>The slots of these nodes, by node.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/> when two nodes would share one.</exception>
    public static IReadOnlyDictionary<string, string> OfAll(IEnumerable<string> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var slots = new Dictionary<string, string>(StringComparer.Ordinal);
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var node in nodes.Distinct(StringComparer.Ordinal))
        {
            var slot = Of(node);
            if (!owners.TryAdd(slot, node))
            {
                throw new PgClusterException(Reason.InvalidArgument, $"The nodes '{owners[slot]}' and '{node}' would share the replication slot '{slot}': rename one of them.")
                {
                    Target = node,
                };
            }

            slots[node] = slot;
        }

        return slots;
    }
}
