using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PgCluster.Adapters.Postgres;

/// <summary>What PostgreSQL keeps of a password (RFC 5803): given to CREATE ROLE in its place, the password itself is in no statement, and so in no log.</summary>
internal static class ScramVerifier
{
    private const int Iterations = 4096;

    /// <summary>Makes one with a salt of its own.</summary>
    internal static string Of(string password) => Of(password, RandomNumberGenerator.GetBytes(16));

    /// <summary>Makes one with that salt.</summary>
    internal static string Of(string password, byte[] salt)
    {
        // SASLprep's normalisation, as the clients do it.
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormKC)), salt, Iterations, HashAlgorithmName.SHA256, 32);
        var stored = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var server = HMACSHA256.HashData(salted, "Server Key"u8);
        return string.Create(
            CultureInfo.InvariantCulture, $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(stored)}:{Convert.ToBase64String(server)}");
    }
}
