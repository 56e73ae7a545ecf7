namespace PgCluster.Engine.Switchover;

/// <summary>
/// What is wrong with a participant. Databases are told apart by the id inside them, so that two URLs to the same one are the same one.
/// </summary>
public static class NodeValidation
{
    /// <summary>The first thing that is wrong; null when nothing is.</summary>
    /// <param name="node">What it said of itself.</param>
    /// <param name="currentDbId">The id inside the current database.</param>
    /// <param name="nextDbId">The id inside the next database.</param>
    /// <param name="connections">Its connections to both.</param>
    public static string? Check(SwitchoverNodeData node, Guid currentDbId, Guid nextDbId, IReadOnlyCollection<SwitchoverConnectionCount> connections) =>
        CheckIds(node, currentDbId, nextDbId) ?? CheckConnections(connections);

    /// <summary>Judges the databases it is connected to.</summary>
    public static string? CheckIds(SwitchoverNodeData node, Guid currentDbId, Guid nextDbId) =>
        node.NextDbId != nextDbId ? "next-db-url is invalid"
        : node.CurrentDbId != currentDbId ? "db-url is invalid"
        : null;

    /// <summary>Judges its connections.</summary>
    public static string? CheckConnections(IReadOnlyCollection<SwitchoverConnectionCount> connections)
    {
        if (connections.Count == 0)
        {
            return "node is not connected to any DB";
        }

        var versions = connections.Select(connection => connection.Version).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (versions.Count > 1)
        {
            return $"node has multiple versions: {versions[0]} and {versions[1]}";
        }

        foreach (var connection in connections)
        {
            if (connection.Type is not [var type])
            {
                return $"invalid connection type: {connection.Type}";
            }

            if (type is < 'A' or > 'D' || ConnectionTag.IsNext(type) != connection.IsNext)
            {
                return $"node has invalid connection type: {type}";
            }
        }

        return null;
    }
}
