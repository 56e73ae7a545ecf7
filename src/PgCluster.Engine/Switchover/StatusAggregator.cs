namespace PgCluster.Engine.Switchover;

/// <summary>Brings together who answered the last reset and who is connected.</summary>
public static class StatusAggregator
{
    /// <summary>One row for each participant and each application without the mark, by id; their connections by name.</summary>
    /// <param name="view">What the log says.</param>
    /// <param name="connections">What both servers show.</param>
    /// <param name="currentDbId">The id inside the current database.</param>
    /// <param name="nextDbId">The id inside the next database.</param>
    /// <param name="now">The time, for uptimes.</param>
    /// <param name="product">The product that participants' names begin with.</param>
    public static IReadOnlyList<SwitchoverNodeStatus> Aggregate(
        SwitchoverView view, IEnumerable<ObservedConnection> connections, Guid currentDbId, Guid nextDbId, DateTimeOffset now,
        string product = ConnectionTag.DefaultProduct)
    {
        var byNode = connections.Select(connection => Identify(connection, product))
            .GroupBy(pair => pair.Node, pair => pair.Connection, StringComparer.Ordinal)
            .ToDictionary(
                group => group.Key,
                group => group.OrderBy(connection => connection.Name, StringComparer.Ordinal).ThenBy(connection => connection.IsNext).ToList(),
                StringComparer.Ordinal);
        var registered = view.Nodes.ToDictionary(pair => pair.Key.ToString(), pair => pair.Value, StringComparer.Ordinal);
        return
        [
            .. byNode.Keys.Union(registered.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(id =>
            {
                IReadOnlyList<SwitchoverConnectionCount> own = byNode.TryGetValue(id, out var found) ? found : [];
                return registered.TryGetValue(id, out var node)
                    ? new SwitchoverNodeStatus
                    {
                        Id = id,
                        CanExec = node.CanExec,
                        IsLeader = view.Leader?.ToString() == id,
                        UptimeSeconds = Math.Max(0, (now - node.StartedAt).TotalSeconds),
                        ConfigError = NodeValidation.Check(node, currentDbId, nextDbId, own),
                        Connections = own,
                    }
                    : new SwitchoverNodeStatus { Id = id, Connections = own };
            }),
        ];
    }

    /// <summary>The node a connection belongs to: a participant's id, or unknown-NAME.</summary>
    public static (string Node, SwitchoverConnectionCount Connection) Identify(ObservedConnection connection, string product = ConnectionTag.DefaultProduct)
    {
        var count = new SwitchoverConnectionCount { Name = connection.ApplicationName, IsNext = connection.IsNext, Count = connection.Count };
        return ConnectionTag.TryParse(connection.ApplicationName, product, out _) is { } tag
            ? (tag.Id.ToString(), count with { Version = tag.Version, Type = tag.Type.ToString() })
            : ($"unknown-{connection.ApplicationName}", count);
    }
}
