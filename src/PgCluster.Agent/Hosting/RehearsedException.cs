namespace PgCluster.Agent.Hosting;

/// <summary>This process was to show that it could take over, and has: it ends.</summary>
internal sealed class RehearsedException : Exception;
