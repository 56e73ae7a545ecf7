using System.Globalization;

namespace PgCluster.Engine.Switchover;

/// <summary>Compares what is moved on both sides. Pure.</summary>
public static class SchemaComparison
{
    /// <summary>Every difference that would lose or refuse rows of the source, or leave the target with other rules.</summary>
    /// <param name="source">What is moved.</param>
    /// <param name="target">Where it comes to lie.</param>
    public static IReadOnlyList<SchemaDifference> Compare(SwitchoverCatalog source, SwitchoverCatalog target)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        var found = new List<SchemaDifference>();
        var theirs = target.Tables.ToDictionary(t => t.Name);
        foreach (var parent in source.Parents.Except(target.Parents))
        {
            found.Add(new($"{parent}", "partitioned table", $"{parent}", "", true));
        }

        foreach (var table in source.Tables)
        {
            if (theirs.TryGetValue(table.Name, out var other))
            {
                CompareTable(table, other, target, found);
            }
            else
            {
                found.Add(new($"{table.Name}", "table", $"{table.Name}", "", true));
            }
        }

        CompareRules(source, target, theirs, found);
        CompareSequences(source, target, found);
        CompareEnums(source, target, found);
        return found;
    }

    private static void CompareTable(SwitchoverTable table, SwitchoverTable other, SwitchoverCatalog target, List<SchemaDifference> found)
    {
        Add($"{table.Name}", "partition", table.PartitionBound, other.PartitionBound, refuses: true, found);
        if (other.Unlogged && !table.Unlogged)
        {
            found.Add(new($"{table.Name}", "persistence", "logged", "unlogged", true));
        }

        var theirs = other.Columns.ToDictionary(c => c.Name);
        foreach (var column in table.Columns)
        {
            if (theirs.Remove(column.Name, out var same))
            {
                CompareColumn($"{table.Name}.{column.Name}", column, same, found);
            }
            else
            {
                found.Add(new($"{table.Name}.{column.Name}", "column", column.Type, "", true));
            }
        }

        foreach (var extra in theirs.Values)
        {
            var filled = !extra.NotNull || extra.Generated || extra.Identity.Length > 0 || extra.Default.Length > 0;
            found.Add(new($"{table.Name}.{extra.Name}", filled ? "column" : "NOT NULL column without a default", "", extra.Type, !filled));
        }

        // The changes of a row are found by its key: any unique index over the same columns will do, whatever the target's own identity.
        if (table.Key.Count > 0 && !SameColumns(table.Key, other.Key)
            && !target.Uniques.Any(u => u.Table == table.Name && u.Rule.Length == 0 && SameColumns(u.Columns, table.Key)))
        {
            found.Add(new($"{table.Name}", "key", List(table.Key), List(other.Key), true));
        }
    }

    private static void CompareColumn(string where, SwitchoverColumn column, SwitchoverColumn other, List<SchemaDifference> found)
    {
        Add(where, "type", column.Type, other.Type, refuses: true, found);
        Add(where, "collation", column.Collation, other.Collation, refuses: true, found);
        Add(where, "identity", Identity(column), Identity(other), refuses: true, found);
        if (column.Generated != other.Generated)
        {
            found.Add(new(where, "content", Content(column), Content(other), true));
        }
        else
        {
            // Major versions print the same expression differently, so this alone is no reason to refuse.
            Add(where, column.Generated ? "expression" : "default", column.Default, other.Default, refuses: false, found);
        }

        if (column.NotNull != other.NotNull)
        {
            found.Add(new(where, "nullability", Nullability(column), Nullability(other), other.NotNull));
        }
    }

    private static void CompareRules(
        SwitchoverCatalog source, SwitchoverCatalog target, Dictionary<TableName, SwitchoverTable> theirs, List<SchemaDifference> found)
    {
        var left = source.Tables.Select(t => t.Name).Concat(source.Parents).ToHashSet();
        var right = theirs.Keys.Concat(target.Parents).ToHashSet();
        var types = source.Tables.SelectMany(t => t.Columns).Select(c => c.Type.Replace("\"", "", StringComparison.Ordinal)).ToHashSet();

        // What belongs to a table that is missing is said with the table, and a table of the target alone is nobody's business.
        bool Both(TableName owner) => left.Contains(owner) ? right.Contains(owner) : !right.Contains(owner) && IsUsed(owner);

        // A domain's check matters where a column is of that domain; a foreign key of a table that is left out is not compared.
        bool IsUsed(TableName domain) => types.Contains($"{domain}".Replace("\"", "", StringComparison.Ordinal));

        foreach (var (where, what, ours, other) in Pairs(source.Uniques, target.Uniques, u => (u.Table, u.Meaning)).Select(p =>
            (p.Key.Table, "unique index", p.Ours?.Meaning ?? "", p.Theirs?.Meaning ?? "")))
        {
            if (Both(where))
            {
                Add($"{where}", what, ours, other, refuses: ours.Length == 0, found);
            }
        }

        foreach (var (key, ours, other) in Pairs(source.Checks, target.Checks, c => (c.Owner, c.Name)))
        {
            if (Both(key.Owner))
            {
                Add($"{key.Owner}", "constraint " + key.Name, ours?.Definition ?? "", other?.Definition ?? "", refuses: ours is null, found);
            }
        }

        foreach (var (key, ours, other) in Pairs(source.ForeignKeys, target.ForeignKeys, f => (f.Table, f.Name)))
        {
            if (Both(key.Table))
            {
                Add($"{key.Table}", "foreign key " + key.Name, ours?.Definition ?? "", other?.Definition ?? "", refuses: ours is null, found);
            }
        }
    }

    private static void CompareSequences(SwitchoverCatalog source, SwitchoverCatalog target, List<SchemaDifference> found)
    {
        foreach (var name in source.Sequences.Except(target.Sequences))
        {
            found.Add(new($"{name}", "sequence", $"{name}", "", true));
        }

        var theirs = target.SequenceLimits.ToDictionary(s => s.Name);
        foreach (var ours in source.SequenceLimits)
        {
            if (theirs.TryGetValue(ours.Name, out var other))
            {
                Add($"{ours.Name}", "range", Range(ours), Range(other), refuses: other.Minimum > ours.Minimum || other.Maximum < ours.Maximum, found);
                Add($"{ours.Name}", "step", Step(ours), Step(other), refuses: false, found);
            }
        }
    }

    private static void CompareEnums(SwitchoverCatalog source, SwitchoverCatalog target, List<SchemaDifference> found)
    {
        var theirs = target.Enums.ToDictionary(e => e.Name);
        foreach (var ours in source.Enums)
        {
            var other = theirs.TryGetValue(ours.Name, out var same) ? same.Labels : [];
            Add($"{ours.Name}", "enum", List(ours.Labels), List(other), refuses: ours.Labels.Except(other).Any(), found);
        }
    }

    private static IEnumerable<(TKey Key, T? Ours, T? Theirs)> Pairs<T, TKey>(IEnumerable<T> source, IEnumerable<T> target, Func<T, TKey> key)
        where T : class
        where TKey : notnull
    {
        var theirs = target.GroupBy(key).ToDictionary(g => g.Key, g => g.First());
        foreach (var ours in source.DistinctBy(key))
        {
            theirs.Remove(key(ours), out var other);
            yield return (key(ours), ours, other);
        }

        foreach (var (left, other) in theirs)
        {
            yield return (left, null, other);
        }
    }

    private static void Add(string where, string what, string source, string target, bool refuses, List<SchemaDifference> found)
    {
        if (source != target)
        {
            found.Add(new(where, what, source, target, refuses));
        }
    }

    private static bool SameColumns(IReadOnlyList<string> one, IReadOnlyList<string> other) => one.Count == other.Count && !one.Except(other).Any();

    private static string List(IEnumerable<string> texts) => string.Join(", ", texts) is { Length: > 0 } text ? $"({text})" : "";

    private static string Identity(SwitchoverColumn column) => column.Identity switch
    {
        "a" => "GENERATED ALWAYS AS IDENTITY",
        "d" => "GENERATED BY DEFAULT AS IDENTITY",
        _ => "",
    };

    private static string Content(SwitchoverColumn column) => column.Generated ? "generated" : "stored";

    private static string Nullability(SwitchoverColumn column) => column.NotNull ? "NOT NULL" : "nullable";

    private static string Range(SwitchoverSequence sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"{sequence.Minimum} to {sequence.Maximum}");

    private static string Step(SwitchoverSequence sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"{sequence.Increment}{(sequence.Cycle ? " in a cycle" : "")}");
}
