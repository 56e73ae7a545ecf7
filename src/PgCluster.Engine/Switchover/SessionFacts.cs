namespace PgCluster.Engine.Switchover;

/// <summary>Client connections of a database that look alike.</summary>
/// <param name="Application">Their application_name.</param>
/// <param name="User">Their role.</param>
/// <param name="Count">How many there are.</param>
public sealed record SessionFacts(string Application, string User, int Count);
