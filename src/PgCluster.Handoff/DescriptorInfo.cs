namespace PgCluster.Handoff;

/// <summary>A descriptor as it is listed.</summary>
/// <param name="Id">What it is registered under.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Address">Where a listener listens or a connection leads to, for people to read; empty for a file.</param>
public sealed record DescriptorInfo(string Id, DescriptorKind Kind, string Address);
