namespace PgCluster.Engine.Switchover;

/// <summary>Something that is not on the target as it is on the source.</summary>
/// <param name="Where">The table, column, sequence or type.</param>
/// <param name="What">Kind of difference.</param>
/// <param name="Source">What the source has; empty for nothing.</param>
/// <param name="Target">What the target has; empty for nothing.</param>
/// <param name="Refuses">True when rows of the source would be refused or lost; false when only a rule or default is another afterwards.</param>
public sealed record SchemaDifference(string Where, string What, string Source, string Target, bool Refuses)
{
    /// <inheritdoc/>
    public override string ToString() => (Source, Target) switch
    {
        ("", "") => $"{Where}: {What}",
        (_, "") => $"{Where}: {What} {Source} is missing on the target",
        ("", _) => $"{Where}: {What} {Target} is on the target only",
        _ => $"{Where}: {What} {Source} is {Target} on the target",
    };
}
