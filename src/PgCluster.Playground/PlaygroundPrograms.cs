using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground;

/// <summary>The programs a playground is made of.</summary>
/// <param name="PostgresBin">Directory of postgres and initdb.</param>
/// <param name="Etcd">etcd.</param>
/// <param name="PgBouncer">pgbouncer.</param>
internal sealed record PlaygroundPrograms(string PostgresBin, string Etcd, string PgBouncer)
{
    // An ordinary user's PATH often lacks the directories of daemons.
    private static readonly string[] Extra = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/>, naming program and package.</exception>
    internal static PlaygroundPrograms Find(IReadOnlyList<string>? directories = null)
    {
        directories ??=
        [
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
            .. Extra,
        ];
        Require(directories, "setsid", "util-linux");
        Require(directories, "cp", "coreutils");
        if (OsAccount.IsRoot)
        {
            Require(directories, "setpriv", "util-linux");
        }

        return new PlaygroundPrograms(
            PostgresBinaries.Find(null), Require(directories, "etcd", "etcd-server"), Require(directories, "pgbouncer", "pgbouncer"));
    }

    private static string Require(IReadOnlyList<string> directories, string program, string package) =>
        directories.Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists)
        ?? throw new PgClusterException(
            Reason.MissingProgram, $"The program '{program}' is not installed; on Debian and Ubuntu it is in the package '{package}'.")
        {
            Target = program,
        };
}
