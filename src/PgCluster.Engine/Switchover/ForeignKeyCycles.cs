namespace PgCluster.Engine.Switchover;

/// <summary>Finds tables that refer to themselves, directly or by way of others.</summary>
public static class ForeignKeyCycles
{
    /// <summary>One text for each cycle, its tables in order of their names.</summary>
    /// <param name="keys">All foreign keys.</param>
    public static IReadOnlyList<string> Find(IReadOnlyList<SwitchoverForeignKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var next = keys.ToLookup(k => k.Table, k => k.Referenced);
        var reached = keys.Select(k => k.Table).Distinct().ToDictionary(t => t, t => Reach(t, next));
        var cycles = new List<string>();
        var named = new HashSet<TableName>();
        foreach (var table in reached.Keys.OrderBy(t => t.ToString(), StringComparer.Ordinal))
        {
            if (reached[table].Contains(table) && !named.Contains(table))
            {
                TableName[] together =
                [
                    .. reached[table].Where(t => reached.TryGetValue(t, out var back) && back.Contains(table))
                        .OrderBy(t => t.ToString(), StringComparer.Ordinal),
                ];
                named.UnionWith(together);
                cycles.Add(together.Length == 1 ? $"{table} (itself)" : string.Join(" - ", together));
            }
        }

        return cycles;
    }

    private static HashSet<TableName> Reach(TableName from, ILookup<TableName, TableName> next)
    {
        var reached = new HashSet<TableName>();
        var open = new Stack<TableName>(next[from]);
        while (open.TryPop(out var table))
        {
            if (reached.Add(table))
            {
                foreach (var further in next[table])
                {
                    open.Push(further);
                }
            }
        }

        return reached;
    }
}
