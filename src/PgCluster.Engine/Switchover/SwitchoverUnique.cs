namespace PgCluster.Engine.Switchover;

/// <summary>A unique index.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Name">Its name.</param>
/// <param name="Columns">Its columns and expressions, in order.</param>
/// <param name="Rule">What else it says: its predicate, and whether NULLs are equal; empty for neither.</param>
public sealed record SwitchoverUnique(TableName Table, string Name, IReadOnlyList<string> Columns, string Rule)
{
    /// <summary>What it forbids, whatever it is called.</summary>
    public string Meaning => string.Join(", ", Columns) + (Rule.Length > 0 ? " " + Rule : "");
}
