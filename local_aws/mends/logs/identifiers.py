"""The managed data identifiers of CloudWatch Logs.

Source: CloudWatch Logs user guide, "CloudWatch Logs managed data identifiers for sensitive data
types", both of its tables. Those of the second are used with a country or region behind a hyphen.
"""

from __future__ import annotations

EVERYWHERE = frozenset(
    {
        *("Address", "AwsSecretKey", "CreditCardExpiration", "CreditCardNumber"),
        *("CreditCardSecurityCode", "EmailAddress", "IpAddress", "LatLong", "Name"),
        *("OpenSshPrivateKey", "PgpPrivateKey", "PkcsPrivateKey", "PuttyPrivateKey"),
        "VehicleIdentificationNumber",
    }
)
COUNTRIES = {
    "BankAccountNumber": "DE ES FR GB IT US",
    "CepCode": "BR",
    "Cnpj": "BR",
    "CpfCode": "BR",
    "DriversLicense": (
        "AT AU BE BG CA CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK "
        "US"
    ),
    "DrugEnforcementAgencyNumber": "US",
    "ElectoralRollNumber": "GB",
    "HealthInsuranceCardNumber": "EU",
    "HealthInsuranceClaimNumber": "US",
    "HealthInsuranceNumber": "FR",
    "HealthcareProcedureCode": "US",
    "IndividualTaxIdentificationNumber": "US",
    "InseeCode": "FR",
    "MedicareBeneficiaryNumber": "US",
    "NationalDrugCode": "US",
    "NationalIdentificationNumber": "DE ES IT",
    "NationalInsuranceNumber": "GB",
    "NationalProviderId": "US",
    "NhsNumber": "GB",
    "NieNumber": "ES",
    "NifNumber": "ES",
    "PassportNumber": "CA DE ES FR GB IT US",
    "PermanentResidenceNumber": "CA",
    "PersonalHealthNumber": "CA",
    "PhoneNumber": "BR DE ES FR GB IT US",
    "PostalCode": "CA",
    "RgNumber": "BR",
    "SocialInsuranceNumber": "CA",
    "Ssn": "ES US",
    "TaxId": "DE ES FR GB",
    "ZipCode": "US",
}
NAMES = EVERYWHERE | {
    f"{name}-{country}" for name, countries in COUNTRIES.items() for country in countries.split()
}
