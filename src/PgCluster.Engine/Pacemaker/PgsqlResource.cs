namespace PgCluster.Engine.Pacemaker;

/// <summary>PostgreSQL as Pacemaker runs it.</summary>
/// <param name="Name">The primitive; the attributes of the nodes begin with it.</param>
/// <param name="Group">The clone around it, promotable or of the old kind <c>master</c>, which is what is moved; null when its instances cannot be promoted.</param>
/// <param name="TemporaryDirectory">Where the agent keeps its lock file, on every node (<c>tmpdir</c>).</param>
/// <param name="DataDirectory">The server's data directory, on every node (<c>pgdata</c>).</param>
public sealed record PgsqlResource(string Name, string? Group, string TemporaryDirectory, string DataDirectory);
