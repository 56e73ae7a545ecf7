namespace PgCluster.Engine.Switchover;

/// <summary>Connections that a server shows.</summary>
/// <param name="ApplicationName">Their application_name.</param>
/// <param name="IsNext">True when they are to the next database.</param>
/// <param name="Count">How many there are.</param>
public sealed record ObservedConnection(string ApplicationName, bool IsNext, int Count);
