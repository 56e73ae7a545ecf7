namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>A state that must not be.</summary>
internal sealed class ProtocolViolation(string message) : Exception(message);
