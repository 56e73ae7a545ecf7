using System.Runtime.InteropServices;

namespace PgCluster.Tests.Integration.Fixtures;

internal static class NativeMethods
{
    public const int SigInt = 2;

    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static extern int Kill(int pid, int signal);
}
