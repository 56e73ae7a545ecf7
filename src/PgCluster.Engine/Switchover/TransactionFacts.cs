namespace PgCluster.Engine.Switchover;

/// <summary>An open transaction.</summary>
/// <param name="Name">The backend's pid, or the name it was prepared under.</param>
/// <param name="Database">Its database.</param>
/// <param name="User">Its role.</param>
/// <param name="Seconds">How long it has been open.</param>
public sealed record TransactionFacts(string Name, string Database, string User, double Seconds);
