using PgCluster.Engine.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

/// <summary>What <c>cibadmin --query --local</c> printed on real three-node clusters (Pacemaker 2.1.5, ocf:heartbeat:pgsql).</summary>
internal static class RecordedCib
{
    public static string Read(string name)
    {
        using var stream = typeof(RecordedCib).Assembly.GetManifestResourceStream(name + ".xml") ?? throw new ArgumentException($"no cluster information base is recorded as {name}", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    public static Cib Parse(string name) => Cib.Parse(Read(name));
}
