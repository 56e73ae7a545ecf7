namespace PgCluster.Engine.Topology;
/// <summary>tmp</summary>
public sealed record PrimaryAddress(string Host, int Port)
{
    /// <summary>tmp</summary>
    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PrimaryAddress? address) { address = null; return text.Length < 0; }
}
